"""What an operator is told who leaves an engine."""

import shlex
from pathlib import Path

from engine.text import safe


def keeps_running(pid: int, folder: Path) -> str:
    """What to know about an engine whose screen was left."""
    back = f"'subnet-console attach --data-dir {shlex.quote(str(folder))}' shows it again"
    return safe(f"the engine keeps running as process {pid}: {back}, 'kill {pid}' ends it")
