"""Copies for the operator: on the clipboard, in files of tables and records, and as pictures of the screen."""

import time
from pathlib import Path
from typing import Any, cast

from textual.app import App

from console.screens.host import Host
from engine.folders import FolderError, prepare_folder

FOLDER = "exports"
CLIPBOARD_MOST = 50_000
"""Bytes that terminals take over OSC 52 without cutting them off."""


class Copies:
    """Copies and files of an app, in a data folder. What goes wrong is told to the operator."""

    def __init__(self, app: App[Any], folder: Path) -> None:
        self._app = app
        self._host = cast(Host, app)
        self._folder = folder / FOLDER

    def copy(self, text: str, what: str) -> None:
        """To the terminal's clipboard; into a file when it is too long for one."""
        if len(text.encode()) > CLIPBOARD_MOST:
            self.save("copied.txt", text, f"{what}, too long for the clipboard,")
        else:
            self._app.copy_to_clipboard(text)
            self._host.tell(f"copied {what} to the clipboard, if the terminal allows it")

    def save(self, name: str, text: str, what: str) -> None:
        """Write a file, and say where it is."""
        path = self._written(name, text)
        if path is not None:
            self._host.tell(f"saved {what} to {path}")

    def do_export_screen(self) -> None:
        """The screen as a picture, and as text."""
        strips = self._app.screen._compositor.render_strips()
        text = self._written("screen.txt", "\n".join(strip.text.rstrip() for strip in strips) + "\n")
        svg = self._written("screen.svg", self._app.export_screenshot(title="subnet-console"))
        if text and svg:
            self._host.tell(f"saved the screen to {svg} and {text.name}")

    def _written(self, name: str, text: str) -> Path | None:
        stem, _, ending = name.rpartition(".")
        try:
            path = prepare_folder(self._folder) / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{ending}"
            path.write_text(text, encoding="utf-8")
        except (FolderError, OSError) as error:
            self._host.tell(f"cannot write {name}: {error}", failed=True)
            return None
        return path
