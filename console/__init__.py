"""The console: command line, headless runner, demo, and (in `console.tui` alone) the Textual screens."""

__version__ = "0.2.0"
