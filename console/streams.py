"""Standard input, output and error, made safe whatever the locale and the shell."""

import codecs
import contextlib
import errno
import io
import json
import os
import sys
from pathlib import Path
from typing import TypeGuard

AS_JSON = "subnet-console.as-json"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def mend() -> None:
    """Keep missing streams and unencodable characters from ending a command.

    Streams that were closed at the start are opened on the null device, so that no other file gets their descriptors.
    Unencodable characters are escaped as in JSON, so that JSON stays JSON.
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


def is_full(error: Exception) -> TypeGuard[OSError]:
    """Whether an unnamed error comes from a full stdout. Errors of files carry the file's name."""
    return isinstance(error, OSError) and error.errno in FULL and error.filename is None


def drop_stdout() -> None:
    """Redirect stdout to the null device, and discard what is buffered."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def narrate(text: str) -> None:
    """Write a line for people to stderr. A closed stderr is ignored."""
    from engine.redaction import hide_known

    with contextlib.suppress(OSError, ValueError):
        print(hide_known(text), file=sys.stderr, flush=True)  # noqa: T201 narration is what this function is for


def _as_json(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
