"""Commands that are run from the current folder, in this process or in one of their own."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.errors import ExitCode

PATIENCE_S = 120.0


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["config", "show", "--json", *arguments]) == ExitCode.DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def launch(*words: str) -> list[str]:
    usual = ("launch", "--no-ui", "--role", "validator", "--encoder", "bow", "--data-dir", "d")
    return [sys.executable, "-m", "console", *usual, *words]


def environment() -> dict[str, str]:
    """This test's environment, for a process that runs in another folder than the sources'."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
