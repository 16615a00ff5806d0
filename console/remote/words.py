"""Messages for an operator who leaves an engine."""

import shlex
from pathlib import Path

from engine.text import safe


def keeps_running(pid: int, folder: Path) -> str:
    """That the engine keeps running, and how to get back to it."""
    back = f"'subnet-console attach --data-dir {shlex.quote(str(folder))}' shows it again"
    return safe(f"the engine keeps running as process {pid}: {back}, 'kill {pid}' ends it")
