"""The configuration file: TOML, settings at the top, and other values for some of them under `[profile.NAME]`."""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.settings.given import Given, Layer, SettingsError, nearest, text_of
from engine.settings.reading import declared

PROFILES = "profile"

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


def read_toml(path: Path) -> dict[str, Any]:
    """A whole file. Raises SettingsError: not readable, not text, not TOML, with its line; FileNotFoundError."""
    return toml_of(text_of(path), path)


def toml_of(text: str, path: Path) -> dict[str, Any]:
    """What the text of the file `path` says. Raises SettingsError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = place[1] if place else text.count("\n") + 1
        raise SettingsError(f"{path}:{line}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise SettingsError(f"{path} is not valid TOML: it is nested too deeply") from error


def read_file(path: Path) -> ConfigFile:
    """Raises SettingsError: not readable, not TOML, or a wrong key or value, with its line; FileNotFoundError."""
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
    """Where keys stand, by their whole dotted name; tomllib does not tell."""
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
