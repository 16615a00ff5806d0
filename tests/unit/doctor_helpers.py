"""A case for the doctor, with any settings."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from console.doctor.case import Case
from console.findings import Result
from engine.settings import configure
from engine.settings.setting import Given


def case(folder: Path, *, hotkey: str = "", snapshot: Any = None, holder: Any = None, **settings: object) -> Case:
    """A case with these settings, its data in `folder`."""
    given = {name: Given(value, "--test", is_text=False) for name, value in settings.items()}
    given["data_dir"] = Given(str(folder), "--data-dir")
    return Case(
        configuration=configure(given, environ={}),
        now=time.time(),
        hotkey=hotkey,
        snapshot=snapshot,
        holder=holder,
    )


def states(results: Iterable[Result]) -> dict[str, str]:
    return {result.name: result.state for result in results}
