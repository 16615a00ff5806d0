"""The package of docs/plug-ins.md, installed as it stands there and used."""

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.answers import registry as answers
from engine.transport.callers import Callers
from engine.transport.dialects import registry as dialects
from engine.transport.errors import WireError
from engine.values import Peer
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
    answers._types.cache_clear()
    dialects.dialects.cache_clear()
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "subnet_example"]:
        del sys.modules[name]
    answers._types.cache_clear()
    dialects.dialects.cache_clear()


def test_the_page_has_the_whole_package() -> None:
    assert list(FILES) == ["pyproject.toml", "subnet_example/colour.py", "subnet_example/plain.py"]


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
def test_the_names_of_other_packages_stand_behind_ours() -> None:
    assert answers.names()[-1] == "colour"
    assert list(dialects.dialects())[-1] == "plain"
