"""A value as somebody gave it, with the place where it stands."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.files import open_input
from engine.settings.reading import declared, read

MAX_BYTES = 1 << 20


class SettingsError(Exception):
    """A setting is wrong: the message says where it stands (option, variable, file and line) and what it must be."""


class Given(Struct, frozen=True):
    """`is_text` marks what comes from an option or a variable, where numbers and lists are texts, too."""

    value: Any
    source: str
    is_text: bool = True

    def read(self, name: str) -> Any:
        """The value in the type of the setting `name`. Raises SettingsError."""
        try:
            return read(declared()[name], self.value, is_text=self.is_text)
        except ValueError as error:
            where = self.source if self.source.startswith("-") else f"{self.source}: {name}"
            raise SettingsError(f"{where} {error}") from error


Layer = dict[str, Given]
"""What one source says, by setting."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: "; did you mean …?", or nothing."""
    match get_close_matches(name, list(known), n=1):
        case [near]:
            return f"; did you mean {near!r}?"
        case _:
            return ""


def text_of(path: Path) -> str:
    """A whole file of settings. Raises SettingsError, FileNotFoundError."""
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
