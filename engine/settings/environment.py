"""Settings from variables, of the process and of a `.env` file, under our names and those of other programs."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine.files import UNDECODABLE
from engine.redaction import know_url
from engine.settings.config_file import text_of
from engine.settings.dotenv import Assignment, entries
from engine.settings.foreign import Name, is_known
from engine.settings.names import SECTIONS, TAKEN
from engine.settings.setting import PREFIX, Given, Layer, SettingsError, declared, nearest

CONFIG_VARIABLE = PREFIX + "CONFIG"
PROFILE_VARIABLE = PREFIX + "PROFILE"


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "WS_PROXY", "WSS_PROXY", "ALL_PROXY")
"""Variables that configure HTTP clients in this process: a URL in one may hold a password."""


class Variables(Struct, frozen=True):
    """The settings in one set of variables: under our names, and under the names of other programs."""

    own: Layer
    foreign: tuple[Name, ...]


def from_process(environ: Mapping[str, str]) -> Variables:
    """The environment's settings. Raises SettingsError for an unknown `SUBNET_CONSOLE_…`."""
    return _sorted((Assignment(name, value, 0) for name, value in environ.items()), None)


def from_file(path: Path, environ: Mapping[str, str] = os.environ) -> Variables:
    """A `.env` file's settings; none if it is missing or a folder (a virtual environment). Raises SettingsError.

    Variables in its values are looked up in the file, then in `environ`.
    """
    if path.is_dir():
        return Variables({}, ())
    try:
        text = text_of(path)
    except FileNotFoundError:
        return Variables({}, ())
    return _sorted(entries(text, environ), path)


def _sorted(assignments: Iterable[Assignment], file: Path | None) -> Variables:
    """Empty values count as not set; of two with the same name the later counts.

    A password in a URL that this process uses is redacted from here on; other variables are not our concern.
    """
    ours = {setting.variable: name for name, setting in declared().items()}
    own: Layer = {}
    foreign: dict[str, Name] = {}
    for entry in _taken_apart(assignments):
        variable = entry.name.upper()
        source = f"{file}:{entry.line} {entry.name}" if file else entry.name
        if variable.startswith(PREFIX) or variable in TAKEN or variable in PROXIES:
            know_url(entry.value or "")
        if variable.startswith(PREFIX):
            if variable in (CONFIG_VARIABLE, PROFILE_VARIABLE):
                continue
            if variable not in ours:
                raise SettingsError(f"{source}: unknown setting{nearest(variable, ours)}")
            if value := _value(entry, source):
                own[ours[variable]] = Given(value, source)
        elif is_known(variable, in_file=file is not None):
            # A faulty value only matters if it is used.
            value = _value(entry, source) if variable in TAKEN else entry.value or ""
            foreign[variable] = Name(entry.name, Given(value, source), file is not None)
    return Variables(own, tuple(foreign.values()))


def _taken_apart(assignments: Iterable[Assignment]) -> list[Assignment]:
    """The assignments, with a JSON section (`WALLET={"NAME": "a"}`) split into one for each of its names.

    These come first, so that a name that is set separately wins, as in the programs that read sections.
    """
    parts: list[Assignment] = []
    plain: list[Assignment] = []
    for entry in assignments:
        fields = _section(entry)
        if fields is None:
            plain.append(entry)
        else:
            parts += [replace(entry, name=f"{entry.name}.{key}", value=_text(value)) for key, value in fields.items()]
    return parts + plain


def _section(entry: Assignment) -> dict[str, Any] | None:
    if f"{entry.name.upper()}." not in SECTIONS or not entry.value:
        return None
    try:
        return msgspec.json.decode(entry.value, type=dict[str, Any])
    except UNDECODABLE:
        return None


def _text(value: object) -> str:
    """A value of a JSON object, written as a variable of its own would be."""
    return value if isinstance(value, str) else "" if value is None else msgspec.json.encode(value).decode()


def _value(entry: Assignment, source: str) -> str:
    if entry.value is None:
        raise SettingsError(f"{source}: unclosed quote")
    if entry.unread:
        raise SettingsError(f"{source}: {entry.unread} is not supported: only ${{NAME}} and ${{NAME:-TEXT}} are")
    if entry.missing:
        raise SettingsError(
            f"{source}: the variable {entry.missing} is not set; ${{{entry.missing}:-TEXT}} gives it a default"
        )
    return entry.value
