"""The console: command line, headless runner, demo, and the screens."""

__version__ = "0.2.0"
