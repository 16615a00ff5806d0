"""What an operator takes along: the clipboard, files of tables, pictures of the screen."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.folders import FolderError, prepare_folder

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

FOLDER = "exports"
CLIPBOARD_MOST = 50_000
"""Bytes that terminals take over OSC 52 without cutting them off."""


class Takeaway:
    """Copies and files. What goes wrong is told to the operator."""

    def __init__(self, app: "ConsoleApp", folder: Path) -> None:
        self._app = app
        self._folder = folder / FOLDER

    def copy(self, text: str, what: str) -> None:
        """To the terminal's clipboard; into a file when it is too long for one."""
        if len(text.encode()) > CLIPBOARD_MOST:
            self.keep("copied.txt", text, f"{what}, too long for the clipboard,")
        else:
            self._app.copy_to_clipboard(text)
            self._app.tell(f"{what} is in the clipboard, if the terminal allows it")

    def keep(self, name: str, text: str, what: str) -> None:
        """Write a file into the folder of exports, and say where it is."""
        path = self._written(name, text)
        if path is not None:
            self._app.tell(f"{what} is in {path}")

    def picture(self) -> None:
        """The screen as an SVG file, and as text."""
        strips = self._app.screen._compositor.render_strips()
        text = self._written("screen.txt", "\n".join(strip.text.rstrip() for strip in strips) + "\n")
        svg = self._written("screen.svg", self._app.export_screenshot(title="subnet-console"))
        if text and svg:
            self._app.tell(f"the screen is in {svg} and {text.name}")

    def _written(self, name: str, text: str) -> Path | None:
        stem, _, ending = name.rpartition(".")
        try:
            path = prepare_folder(self._folder) / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.{ending}"
            path.write_text(text, encoding="utf-8")
        except (FolderError, OSError) as error:
            self._app.tell(f"{name} cannot be written: {error}", failed=True)
            return None
        return path
