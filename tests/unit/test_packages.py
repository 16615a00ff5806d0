"""What to type to install a package, by what made the environment."""

import sys
from pathlib import Path

import pytest

from engine import packages

MARKS = {
    "pipx": ("pipx_metadata.json", "{}", "pipx inject our-env drand", "pipx inject --pip-args=--no-deps our-env drand"),
    "uv tool": (
        "uv-receipt.toml", "", "uv pip install --python {} drand", "uv pip install --python {} --no-deps drand",
    ),
    "uv venv": (
        "pyvenv.cfg", "home = /usr\nuv = 0.9.2\n",
        "uv pip install --python {} drand", "uv pip install --python {} --no-deps drand",
    ),
    "venv without pip": (
        "pyvenv.cfg", "home = /usr\n",
        "python3 -m pip --python {} install drand", "python3 -m pip --python {} install --no-deps drand",
    ),
}  # fmt: skip


@pytest.mark.parametrize("made_by", MARKS)
def test_the_command_is_that_of_the_tool_that_made_the_environment(
    made_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "our-env"
    environment.mkdir()
    mark, text, command, alone = MARKS[made_by]
    (environment / mark).write_text(text)
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setattr(packages, "find_spec", {}.get)
    assert packages.install("drand") == command.format(environment)
    assert packages.install("drand", alone=True) == alone.format(environment)


def test_pip_itself_installs_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(packages, "find_spec", {"pip": "here"}.get)
    monkeypatch.setattr(sys, "executable", "/opt/my env/bin/python")
    assert packages.install("drand") == "'/opt/my env/bin/python' -m pip install drand"
