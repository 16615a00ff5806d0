"""Settings from variables: of the process, and of a `.env` file, under our names and under those of the field."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from engine.redaction import know_url
from engine.settings.dotenv import Entry, entries
from engine.settings.given import Given, Layer, SettingsError, nearest, text_of
from engine.settings.names import FOREIGN
from engine.settings.reading import PREFIX, declared

CONFIG_VARIABLE = PREFIX + "CONFIG"
PROFILE_VARIABLE = PREFIX + "PROFILE"


class Variables(Struct, frozen=True):
    """What one set of variables says: under our names, and under the names of other programs."""

    own: Layer
    foreign: Layer


def from_process(environ: Mapping[str, str]) -> Variables:
    """Raises SettingsError for a `SUBNET_CONSOLE_…` that is no setting."""
    return _sorted((Entry(name, value, 0) for name, value in environ.items()), "")


def from_file(path: Path) -> Variables:
    """What a `.env` file says; nothing when there is none. Raises SettingsError."""
    try:
        text = text_of(path)
    except FileNotFoundError:
        return Variables({}, {})
    return _sorted(entries(text), f"{path}:")


def _sorted(assignments: Iterable[Entry], file: str) -> Variables:
    """Empty values count as not set; of two with the same name the later counts.

    A password in a URL is known from here on, in a variable that is no setting as well: HTTP clients use some of those.
    """
    ours = {setting.variable: name for name, setting in declared().items()}
    own: Layer = {}
    found: Layer = {}
    for entry in assignments:
        variable = entry.name.upper()
        source = f"{file}{entry.line} {entry.name}" if file else entry.name
        know_url(entry.value or "")
        if variable.startswith(PREFIX):
            if variable in (CONFIG_VARIABLE, PROFILE_VARIABLE):
                continue
            if variable not in ours:
                raise SettingsError(f"{source}: there is no such setting{nearest(variable, ours)}")
            _put(own, ours[variable], entry.value, source)
        elif variable in FOREIGN:
            _put(found, variable, entry.value, source)
    foreign: Layer = {}
    for variable, name in FOREIGN.items():
        if variable in found:
            foreign.setdefault(name, found[variable])
    return Variables(own, foreign)


def _put(layer: Layer, key: str, value: str | None, source: str) -> None:
    if value is None:
        raise SettingsError(f"{source}: its quote is never closed")
    if value:
        layer[key] = Given(value, source)
