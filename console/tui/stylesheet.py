"""Theme files as Textual's themes, and which of them changed on disk."""

from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

from textual.css.stylesheet import Stylesheet
from textual.theme import Theme

from console.present.text import CLUSTERS
from console.themes import SHIPPED, ThemeError, ThemeFile, read_theme, theme_files

USUAL = "night"


class Sheet(Stylesheet):
    """Textual has the whole sheet read again for every new screen; this one reads again only for other colours."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._read_with = variables

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._read_with:
            self._read_with = variables
            super().set_variables(variables)

    def reparse(self) -> None:
        """Read what was not read yet with these variables."""
        self.parse()


class Themes:
    """The theme files that are known, by their last change."""

    def __init__(self) -> None:
        self._seen: dict[Path, int] = {}
        self.files: dict[str, ThemeFile] = {}

    def changed(self, names: Container[str] | None = None) -> Iterator[Theme | ThemeError]:
        """Each theme (of `names`) whose file is new or was changed since it was read, or what is wrong with it."""
        for path in theme_files():
            if names is not None and path.stem not in names:
                continue
            try:
                modified = path.stat().st_mtime_ns
                if self._seen.get(path) == modified:
                    continue
                self._seen[path] = modified
                file = read_theme(path)
            except OSError:
                continue
            except ThemeError as error:
                yield error
            else:
                self.files[path.stem] = file
                yield textual_theme(path.stem, file)


@cache
def usual_variables() -> dict[str, str]:
    """Our variables as the usual theme has them, for themes that are not ours."""
    return textual_theme(USUAL, read_theme(SHIPPED / f"{USUAL}.toml")).variables


def textual_theme(name: str, file: ThemeFile) -> Theme:
    """A theme under the variables that our style sheet uses, `$tone-ok` and its like among them."""
    colours = file.colours
    return Theme(
        name=name,
        primary=colours.accent,
        secondary=colours.info,
        accent=colours.accent,
        success=colours.ok,
        warning=colours.warn,
        error=colours.err,
        foreground=colours.text,
        background=colours.background,
        surface=colours.background,
        panel=colours.panel,
        dark=file.dark,
        ansi=file.ansi,
        variables={**_tones(file), **_chrome(file)},
    )


def _tones(file: ThemeFile) -> dict[str, str]:
    """The colour and style of each tone of a text."""
    colours, styles = file.colours, file.styles
    tones = {
        "muted": colours.muted,
        "accent": colours.accent,
        "title": colours.accent,
        "key": colours.accent,
        "ok": colours.ok,
        "warn": colours.warn,
        "err": colours.err,
        "info": colours.info,
        **dict(zip(CLUSTERS, colours.clusters, strict=True)),
    }
    looks = {
        "title": styles.title,
        "key": styles.key,
        "muted": styles.muted,
        "ok": styles.ok,
        "warn": styles.warn,
        "err": styles.err,
    }
    return {
        **{f"tone-{tone}": colour for tone, colour in tones.items()},
        **{f"tone-{tone}-style": style for tone, style in looks.items()},
    }


def _chrome(file: ThemeFile) -> dict[str, str]:
    """What is around the texts: frames, the cursor, scroll bars, and the terminal's own colours."""
    colours, styles = file.colours, file.styles
    return {
        "frame": colours.border,
        "frame-focus": colours.focus,
        "cursor": colours.cursor,
        "cursor-text": colours.cursor_text,
        "cursor-style": styles.cursor,
        "cursor-idle": colours.background if file.ansi else f"{colours.cursor} 40%",
        "cursor-idle-style": "underline" if file.ansi else "none",
        "ansi-background": "ansi_black" if file.dark else "ansi_white",
        "ansi-foreground": "ansi_white" if file.dark else "ansi_black",
        "plain": colours.text,
        "paper": colours.background,
        "scrollbar": colours.border,
        "scrollbar-hover": colours.muted,
        "scrollbar-active": colours.focus,
        "scrollbar-background": colours.background,
        "scrollbar-background-hover": colours.background,
        "scrollbar-background-active": colours.background,
        "scrollbar-corner-color": colours.background,
    }
