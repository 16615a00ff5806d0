"""Theme files: which there are, and what one says. One TOML file each, the user's own beside those that come along."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

import console
from engine.folders import config_home
from engine.settings import SettingsError, read_toml

SHIPPED = Path(console.__file__).parents[1] / "themes"
"""Beside the package, in a checkout as in an installed wheel."""

Colour = Annotated[str, Meta(pattern=r"^(#[0-9a-fA-F]{6}|ansi_[a-z_]{1,20})\Z")]
Style = Annotated[str, Meta(pattern=r"^(none|((bold|dim|italic|underline|reverse) ?)+)\Z")]


class ThemeError(Exception):
    """A theme file that cannot be used; the message names it and says what is wrong."""


class Colours(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """`#rrggbb`, or `ansi_…` in a theme of the terminal's own colours. `clusters` are told apart by letter, too."""

    background: Colour
    panel: Colour
    text: Colour
    muted: Colour
    accent: Colour
    ok: Colour
    warn: Colour
    err: Colour
    info: Colour
    border: Colour
    focus: Colour
    cursor: Colour
    cursor_text: Colour
    clusters: Annotated[tuple[Colour, ...], Meta(min_length=6, max_length=6)]


class Styles(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How letters look besides their colour."""

    title: Style = "bold"
    key: Style = "bold"
    muted: Style = "none"
    ok: Style = "none"
    warn: Style = "none"
    err: Style = "bold"
    cursor: Style = "bold"


class ThemeFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What one file says. `about` is a few words for the picker."""

    about: Annotated[str, Meta(max_length=80)]
    dark: bool
    ansi: bool = False
    colours: Colours
    styles: Styles = Styles()


def read_theme(path: Path) -> ThemeFile:
    """Raises ThemeError."""
    try:
        return msgspec.convert(read_toml(path), ThemeFile)
    except FileNotFoundError as error:
        raise ThemeError(f"theme {path.name} not found") from error
    except SettingsError as error:
        raise ThemeError(f"theme {path.name}{str(error).removeprefix(str(path))}") from error
    except msgspec.ValidationError as error:
        raise ThemeError(f"theme {path.name}: {error}") from error


def folders() -> tuple[Path, Path]:
    """Where themes are looked for; a user's theme goes before one of the same name that came along."""
    return SHIPPED, config_home() / "themes"


def theme_files() -> Iterator[Path]:
    """The files by name of their themes."""
    found = {path.stem: path for folder in folders() if folder.is_dir() for path in sorted(folder.glob("*.toml"))}
    yield from (found[name] for name in sorted(found))
