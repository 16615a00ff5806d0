"""The configuration file: TOML, with settings at the top and profiles of other values under `[profile.NAME]`."""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.files import open_input
from engine.settings.setting import Given, Layer, SettingsError, declared, nearest

PROFILES = "profile"
MAX_BYTES = 1 << 20
"""A configuration is a few kilobytes; a larger file is another one, named by mistake."""

_PLACE = re.compile(r"\(at line (\d+), column \d+\)")
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"([\w\s.\"'-]+)=")


class ConfigFile(Struct, frozen=True):
    """What the file says, already checked."""

    path: Path
    values: Layer
    profiles: dict[str, Layer]

    def profile(self, name: str) -> Layer:
        """Raises SettingsError for a profile that is not there."""
        if name not in self.profiles:
            raise SettingsError(f"{self.path}: unknown profile {name!r}{nearest(name, self.profiles)}")
        return self.profiles[name]


def text_of(path: Path) -> str:
    """The text of a file of settings. Raises SettingsError, FileNotFoundError."""
    try:
        with open_input(path) as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SettingsError(f"{path} is larger than {MAX_BYTES} bytes")
        return raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path}:{line}: not UTF-8 text") from error


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file. Raises SettingsError (unreadable, not text, not TOML: with the line) and FileNotFoundError."""
    return toml_of(text_of(path), path)


def toml_of(text: str, path: Path) -> dict[str, Any]:
    """The document in `text`, which was read from `path`. Raises SettingsError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = place[1] if place else text.count("\n") + 1
        raise SettingsError(f"{path}:{line}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path} is not valid TOML: it is nested too deeply") from error


def read_file(path: Path) -> ConfigFile:
    """The file, checked. Raises SettingsError (unreadable, not TOML, an unknown key, an invalid value: with the line)
    and FileNotFoundError."""
    text = text_of(path)
    document = toml_of(text, path)
    lines = _lines(text)
    profiles = document.pop(PROFILES, {})
    if not isinstance(profiles, dict) or not all(isinstance(profile, dict) for profile in profiles.values()):
        raise SettingsError(f"{path}: profiles are tables, such as [{PROFILES}.NAME]")
    return ConfigFile(
        path,
        _layer(path, document, "", lines),
        {name: _layer(path, profile, f"{PROFILES}.{name}.", lines) for name, profile in profiles.items()},
    )


def _layer(path: Path, table: dict[str, Any], prefix: str, lines: dict[str, int]) -> Layer:
    layer: Layer = {}
    for key, value in table.items():
        line = lines.get(prefix + key)
        source = f"{path}:{line}" if line else str(path)
        if key not in declared():
            raise SettingsError(f"{source}: unknown setting {key!r}{nearest(key, declared())}")
        if declared()[key].secret:
            variable = declared()[key].variable
            raise SettingsError(f"{source}: {key} is a secret: set it in the environment as {variable}, not in a file")
        layer[key] = Given(value, source, is_text=False)
        layer[key].read(key)
    return layer


def _lines(text: str) -> dict[str, int]:
    """The line of each key by its full dotted name, which tomllib does not give."""
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.match(line):
            table = _bare(match[1]) + "."
        elif match := _KEY.match(line):
            found.setdefault(table + _bare(match[1]), number)
    return found


def _bare(name: str) -> str:
    return re.sub(r"[\s\"']", "", name)
