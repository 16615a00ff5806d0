"""The operator's `Export` command: one table as a file, written while the engine runs."""

import asyncio
from functools import partial
from pathlib import Path

from console.errors import ConsoleError
from console.export import export
from engine.commands import Export
from engine.operator import Handler
from engine.values import Outcome


def exporter(folder: Path) -> Handler:
    """The handler of `Export` for the data in `folder`."""
    return partial(_export, folder)


async def _export(folder: Path, command: Export) -> Outcome:
    if command.out in ("", "-"):
        return Outcome(status="rejected", reason="name a file: standard output is taken while the engine runs")
    try:
        await asyncio.to_thread(_write, folder, command)
    except ConsoleError as error:
        return Outcome(status="rejected", reason=str(error))
    return Outcome(status="ok")


def _write(folder: Path, command: Export) -> None:
    out = Path(command.out).expanduser()
    export(command.table, data_dir=folder, since=command.since, format=command.format, out=out)
