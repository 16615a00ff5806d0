"""The package in docs/plug-ins.md, installed as printed and used; and the registries that find it."""

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import plugins
from engine.answers.registry import ANSWER_TYPES, answer_type
from engine.challenges import ChallengeError
from engine.challenges.kinds.registry import KINDS
from engine.challenges.sources.synthetic import Deck
from engine.plugins import PluginError, Registry
from engine.settings import Given, SettingsError, declared
from engine.transport.callers import Callers
from engine.transport.dialects.registry import DIALECTS
from engine.transport.errors import WireError
from engine.values import Peer, Reply, Request
from miner_server.backends.registry import BACKENDS, open_backend
from tests.unit.miner_helpers import ALICE, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import challenge

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plug-ins.md").read_text()
FILES = dict(re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages with that one in it, as an installer leaves it."""
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    for name, text in FILES.items():
        if name.endswith(".py"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
    info = tmp_path / f"subnet_example-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {where}\n" for name, where in points.items())
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    return tmp_path


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
    plugins.added.cache_clear()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "subnet_example"]:
        del sys.modules[name]
    plugins.added.cache_clear()


def test_the_page_has_the_whole_package() -> None:
    assert list(FILES) == [
        "pyproject.toml",
        *(f"subnet_example/{name}.py" for name in ("colour", "plain", "letters", "parrot")),
    ]


def test_a_round_is_judged_by_an_answer_type_of_another_package(site: Path) -> None:
    said = {"a": "I would say Grey.", "b": "red", "c": "It is not red but gray"}
    replies = [{"uid": uid, "hotkey": name, "text": text, "ms": 9} for uid, (name, text) in enumerate(said.items())]
    (site / "rounds.jsonl").write_text(
        json.dumps({"id": "r-1", "kind": "chat", "prompt": "Which?", "replies": replies})
    )
    (site / "probes.jsonl").write_text(json.dumps({"id": "r-1", "answer_type": "colour", "truth": "grey"}))
    command = [
        sys.executable,
        "-m",
        "console",
        "judge",
        "rounds.jsonl",
        "--probes",
        "probes.jsonl",
        "--embedder",
        "bow",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    done = subprocess.run(command, cwd=site, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    emissions = json.loads(done.stdout)["emissions"]
    assert emissions["a"] > 0.5 < emissions["c"]
    assert emissions["b"] == 0


@pytest.mark.usefixtures("installed")
async def test_a_miner_answers_in_a_dialect_of_another_package() -> None:
    heard: list[str] = []
    async with running(make_server(ObedientBackend())) as server:
        peer = Peer(MINER.ss58_address, *server.address)
        listed, stranger = (Callers(signer, usual="plain", allow_private=True) for signer in (ALICE, EVE))
        answer = await listed.ask(peer, challenge(), timeout=30, max_bytes=10_000, on_text=heard.append)
        assert heard == [answer.completion.text] == ["heard What is 41 plus 1?"]
        with pytest.raises(WireError, match="the miner answered 403"):
            await stranger.ask(peer, challenge(), timeout=30, max_bytes=10_000)
        assert [(one.route, one.status) for one in server.view().requests] == [("/plain", 200), ("/plain", 403)]
        await listed.close()
        await stranger.close()


@pytest.mark.usefixtures("installed")
async def test_a_miner_answers_with_a_backend_of_another_package() -> None:
    async with running(make_server(open_backend("parrot", model="grey"))) as server:
        peer = Peer(MINER.ss58_address, *server.address)
        callers, told = Callers(ALICE, usual="btauth", allow_private=True), list[str]()
        answer = await callers.ask(peer, challenge(), timeout=30, max_bytes=10_000)
        assert answer.completion.text == challenge().request.question
        await callers.ask(peer, challenge(), timeout=30, max_bytes=10_000, on_text=told.append)
        assert "".join(told) == answer.completion.text
        assert told[:5] == ["What", " is", " 41", " plus", " 1?"]
        await callers.close()


@pytest.mark.usefixtures("installed")
def test_a_validator_asks_a_kind_of_another_package() -> None:
    deck = Deck(7, {"letters": 1.0}, probe_share=0.5)
    asked = [deck.question(k)[1] for k in range(40)]
    for question in asked:
        KINDS["letters"]().check(question.request)
        if question.truth is not None:
            right, wrong = (Reply(uid=0, hotkey="a", text=text) for text in (question.truth, question.lures[0]))
            number = answer_type(question.answer_type)
            assert number.equals(right, question.truth, question.request.question)
            assert not number.equals(wrong, question.truth, question.request.question)
    assert {question.truth is None for question in asked} == {True, False}
    with pytest.raises(ChallengeError, match="there is no question"):
        KINDS["letters"]().check(Request())


@pytest.mark.usefixtures("installed")
def test_the_names_of_other_packages_come_after_ours() -> None:
    registries: list[Registry[Any]] = [ANSWER_TYPES, DIALECTS, KINDS, BACKENDS]
    assert [[*found][-1] for found in registries] == ["colour", "plain", "letters", "parrot"]


@pytest.mark.parametrize(("setting", "own", "added"), [("backend", BACKENDS, "parrot"), ("kind", KINDS, "letters")])
def test_a_setting_takes_our_names_and_those_that_are_installed(
    setting: str, own: Registry[Any], added: str, request: pytest.FixtureRequest
) -> None:
    assert set(declared()[setting].choices) == set(own)
    for is_text in (True, False):
        with pytest.raises(SettingsError, match=f"must be one of .*, not '{added}'"):
            Given(added, "here", is_text=is_text).read(setting)
    request.getfixturevalue("installed")
    for name in own:
        assert Given(name, "here").read(setting) == name
    with pytest.raises(SettingsError, match=f"must be one of .*, {added}, not 'none'"):
        Given("none", "here").read(setting)


class Point:
    """An entry point that names this object, or cannot be loaded for this reason."""

    def __init__(self, name: str, named: object) -> None:
        self.name = name
        self._named = named

    def load(self) -> object:
        if isinstance(self._named, Exception):
            raise self._named
        return self._named


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry[Any]]:
    """A registry of numbers, of which "one" is ours, with these entry points beside it."""

    def make(**named: object) -> Registry[Any]:
        points = {name: Point(name, value) for name, value in named.items()}
        monkeypatch.setattr(plugins, "added", lambda group: points if group == "numbers" else {})
        return Registry("numbers", {"one": 1}, accepts=lambda entry: isinstance(entry, int), what="a number")

    return make


def test_an_added_entry_never_replaces_ours(numbers: Callable[..., Registry[Any]]) -> None:
    found = numbers(one=11, two=2)
    assert dict(found) == {"one": 1, "two": 2}
    assert len(found) == 2
    assert "three" not in found
    with pytest.raises(KeyError):
        found["three"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("two", "the entry point two in numbers is not a number"),
        (ImportError("no module"), "the entry point two in numbers cannot be loaded: ImportError: no module"),
        (type("Named", (int,), {"name": "zwei"})(2), "names an entry called 'zwei': give both the same name"),
    ],
)
def test_a_wrong_entry_point_is_reported_when_it_is_used(
    numbers: Callable[..., Registry[Any]], value: object, words: str
) -> None:
    found = numbers(two=value)
    assert [*found] == ["one", "two"]
    assert found["one"] == 1
    with pytest.raises(PluginError, match=re.escape(words)):
        found["two"]
