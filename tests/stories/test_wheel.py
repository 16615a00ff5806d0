"""The program as it is installed: a wheel, unpacked where no checkout is near, has all that it reads and runs."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from console.themes import theme_files
from engine.store.schema import LATEST
from tests.stories.console import PATIENCE_S, ROOT

pytestmark = pytest.mark.slow

PACKAGES = ("console", "engine", "miner_server", "themes")
FOUND = """
import json, console, engine
from console.themes import theme_files
from engine.store.schema import LATEST
where = [console.__file__, engine.__file__, *map(str, theme_files())]
print(json.dumps({"where": where, "schema": LATEST}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content and nothing of its dependencies, made by what set this machine up."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    uv = runpy.run_path(str(ROOT / "scripts" / "setup"))["find_uv"]()
    pip = [sys.executable, "-m", "pip"]
    build = [uv, "build", "--wheel", "--out-dir"] if uv else [*pip, "wheel", "--no-deps", "--wheel-dir"]
    install = [uv, "pip", "install", "--python", sys.executable] if uv else [*pip, "install"]
    subprocess.run([*build, wheels, ROOT], check=True)
    subprocess.run([*install, "--no-deps", "--target", target, *wheels.glob("*.whl")], check=True)
    return target


def run(installed: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Python with the installed packages before everything else, in a folder that is no checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def data_files(folder: Path) -> set[str]:
    """What the packages hold beside Python."""
    found = (path for package in PACKAGES for path in (folder / package).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if path.suffix not in (".py", ".pyc")}


def test_every_data_file_is_in_the_wheel(installed: Path) -> None:
    assert data_files(installed) == data_files(ROOT)
    assert {"console/tui/console.tcss", "themes/night.toml", "engine/store/migrations/0001_rounds.sql"} <= data_files(
        installed
    )


def test_the_commands_run_from_the_wheel(installed: Path) -> None:
    found = json.loads(run(installed, "-c", FOUND).stdout)
    assert all(Path(file).is_relative_to(installed) for file in found["where"])
    assert (len(found["where"]), found["schema"]) == (2 + len(list(theme_files())), LATEST)
    assert run(installed, "-m", "console", "--version").stdout.startswith("subnet-console ")
    shown = run(installed, "-m", "console", "config", "show")
    assert (shown.returncode, "netuid" in shown.stdout) == (0, True)
    examined = run(installed, "-m", "console", "doctor", "--json")
    assert examined.returncode in (0, 2), examined.stderr
    assert json.loads(examined.stdout)
