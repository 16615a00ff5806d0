"""What the terminal can show."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping

from console.findings import Result, ok, skipped, warning
from console.terminal import POOR
from engine.environ import harmless

SMALLEST = (60, 16)
USUAL = (80, 24)
ASK_S = 2.0
"""The smallest size of the screens and the one they are designed for, in cells; and how long a terminal may take to
report what it can do.
"""


def terminal(environ: Mapping[str, str], size: tuple[int, int] | None) -> Iterator[Result]:
    """Size in columns and rows (None: no terminal), colours and letters."""
    term = environ.get("TERM", "")
    if size is None:
        yield skipped("terminal", "not running in a terminal")
        return
    if term in POOR:
        yield warning(
            "terminal",
            f"TERM={term} cannot show a screen",
            why="Without a known TERM, programs cannot move the cursor or set colours.",
            do="Set TERM, for example to xterm-256color, or use --no-ui.",
        )
    else:
        yield _size(size, term)
    yield _colours(environ, term)
    yield _letters(environ)


def _size(size: tuple[int, int], term: str) -> Result:
    columns, rows = size
    if columns < SMALLEST[0] or rows < SMALLEST[1]:
        return warning(
            "terminal",
            f"{columns}x{rows} {term}: very small",
            why=f"Below {SMALLEST[0]}x{SMALLEST[1]} only the most important lines fit.",
            do=f"Enlarge the window to {USUAL[0]}x{USUAL[1]} or more.",
        )
    return ok("terminal", f"{columns}x{rows} {term}")


def _colours(environ: Mapping[str, str], term: str) -> Result:
    if environ.get("NO_COLOR"):
        return ok("colours", "off, because NO_COLOR is set; every state has a glyph and a word")
    if environ.get("COLORTERM") in ("truecolor", "24bit"):
        return ok("colours", "16 million")
    if "256color" in term or "direct" in term:
        return ok("colours", "256")
    return warning(
        "colours",
        "16 (TERM, COLORTERM)",
        why="Themes use 16 million colours; 16 only come close.",
        do="Set COLORTERM=truecolor if your terminal supports it, or pick the theme ansi with T.",
    )


def _letters(environ: Mapping[str, str]) -> Result:
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    if locale.lower().replace("-", "").endswith("utf8"):
        return ok("letters", f"UTF-8 ({locale})")
    return warning(
        "letters",
        f"{locale or 'no locale'} is not a UTF-8 locale",
        why="Bars, glyphs and foreign text are UTF-8; other terminals show question marks instead.",
        do="Set LANG=C.UTF-8 (over SSH, on this machine or forwarded).",
    )


def clipboard(environ: Mapping[str, str], ask: Callable[[], str | None] | None = None) -> Result:
    """Whether tmux passes on what is copied (OSC 52); outside tmux this is unknown."""
    if not environ.get("TMUX"):
        return skipped("clipboard", "outside tmux there is no way to ask whether the terminal accepts OSC 52")
    setting = (ask or ask_tmux)()
    if setting is None:
        return skipped("clipboard", "tmux does not report set-clipboard")
    if setting == "on":
        return ok("clipboard", "tmux passes copied text on (set-clipboard on)")
    return warning(
        "clipboard",
        f"tmux does not pass copied text on (set-clipboard {setting})",
        why="y copies with OSC 52, which tmux passes on only if configured to.",
        do="Put `set -s set-clipboard on` into ~/.tmux.conf; until then, use e to write what is shown to a file.",
    )


def ask_tmux() -> str | None:
    """tmux's set-clipboard; None if it cannot be read."""
    tmux = shutil.which("tmux")
    if tmux is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 found on PATH, with words of ours
            [tmux, "show-options", "-s", "-v", "set-clipboard"],
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=harmless(os.environ),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip()[:20] or None


def size_of(descriptor: int) -> tuple[int, int] | None:
    """The size of the terminal behind a file descriptor; None if it is not a terminal."""
    try:
        columns, rows = os.get_terminal_size(descriptor)
    except OSError:
        return None
    return columns, rows
