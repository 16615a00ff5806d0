"""`subnet-console kinds`: what is listed, and that a broken kind of another package spoils nothing."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from console.cli import main
from console.kinds import listed
from engine import plugins
from engine.challenges import ChallengeError
from engine.challenges.kinds.base import Need
from engine.challenges.kinds.chat import Chat
from engine.challenges.kinds.registry import require

Install = Callable[..., None]


class Point:
    """An entry point of the package subnet-example."""

    dist = SimpleNamespace(name="subnet-example", version="1.0")

    def __init__(self, name: str, named: object) -> None:
        self.name = name
        self._named = named

    def load(self) -> object:
        if isinstance(self._named, Exception):
            raise self._named
        return self._named


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes these kinds those of an installed package."""

    def install(**named: object) -> None:
        points = {name: Point(name, value) for name, value in named.items()}
        monkeypatch.setattr(plugins, "added", lambda group: points if group == plugins.KINDS else {})

    return install


class Letters(Chat):
    name: ClassVar[str] = "letters"
    about: ClassVar[str] = "letters\x1b[2J"


class Scans(Chat):
    name: ClassVar[str] = "scans"
    needs: ClassVar[tuple[Need, ...]] = (Need("json-of-old", "json"), Need("scanner", "no_such_module"))


class Weighty(Chat):
    name: ClassVar[str] = "weighty"

    @classmethod
    def obstacle(cls) -> str:
        return "it needs a scale"


class Odd(Chat):
    name: ClassVar[str] = "odd"
    needs: ClassVar[Any] = 7


def records(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert main(["kinds", "--json"]) == 0
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_our_kinds_are_listed_with_their_limits(capsys: pytest.CaptureFixture[str]) -> None:
    found = records(capsys)
    assert found["arithmetic"]["ready"] and found["arithmetic"]["request_limit"] == 8192
    assert all(one["source"] == "subnet-console" and one["about"] for one in found.values())


def test_what_is_missing_is_said_with_the_command_that_brings_it(
    installed: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(scans=Scans, letters=Letters)
    found = records(capsys)
    assert not found["scans"]["ready"] and found["scans"]["missing"] == ["scanner"]
    assert found["scans"]["install"].endswith(" scanner")
    assert found["letters"]["ready"] and found["letters"]["source"] == "subnet-example 1.0"
    assert main(["kinds"]) == 0
    text = capsys.readouterr().out
    assert "scans needs scanner: " in text
    assert "\x1b" not in text
    with pytest.raises(ChallengeError, match="the kind scans needs scanner; 'subnet-console kinds' says how"):
        require("scans", "minilm")


def test_a_kind_that_fails_is_named_and_the_others_are_there(
    installed: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(torn=ImportError("no module\x1b[2J"), odd=Odd, weighty=Weighty, text="a text", letters=Letters)
    found = {one.name: one for one in listed()}
    assert "the entry point torn in subnet_console.kinds cannot be loaded: ImportError" in found["torn"].problem
    assert "\x1b" not in found["torn"].problem
    assert "it cannot be examined: TypeError" in found["odd"].problem
    assert found["text"].problem.endswith("is not a Kind class")
    assert found["weighty"].problem == "it needs a scale"
    assert [name for name, one in found.items() if not one.ready] == ["torn", "odd", "weighty", "text"]
    assert main(["kinds"]) == 0
    assert "weighty: it needs a scale" in capsys.readouterr().out
    with pytest.raises(ChallengeError, match="the kind weighty cannot run on this machine: it needs a scale"):
        require("weighty", "minilm")
    require("letters", "bow")


def test_a_kind_that_one_encoder_can_judge_says_so() -> None:
    require("embeddings", "minilm")
    with pytest.raises(ChallengeError, match="the kind embeddings is judged with --encoder minilm, not bow"):
        require("embeddings", "bow")
