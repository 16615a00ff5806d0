"""Standard input, output and error as a command needs them, whatever the locale and the shell make of them."""

import codecs
import contextlib
import io
import json
import os
import sys
from pathlib import Path

from engine.redaction import hide_known

AS_JSON = "subnet-console.as-json"


def mend() -> None:
    """Have no character and no stream that is missing end a command.

    A stream that was closed before the start leads nowhere, so that no other file gets its number. What an encoding
    lacks is written as JSON writes it, so that JSON remains JSON.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("r+"))  # noqa: SIM115 it stays open
    codecs.register_error(AS_JSON, _as_json)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=AS_JSON)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")


def narrate(text: str) -> None:
    """A line on stderr, for people. A stderr that is gone is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        print(hide_known(text), file=sys.stderr, flush=True)  # noqa: T201 narration is what this function is for


def _as_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
