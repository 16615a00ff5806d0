"""The configuration's files and the data folder."""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from console.doctor.case import Case
from console.errors import ConsoleError
from console.findings import Fix, Result, advice_of, critical, ok, skipped, warning
from console.keymap_file import keymap_path, read_keymap
from console.options import OTHERWISE, demo_in_doubt
from console.present.formats import counted, utc
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.errors import StoreError
from engine.folders import OTHERS, FolderError, require_own
from engine.logs import FILE, FOLDER
from engine.settings import Configuration, Secret
from engine.snapshot import ReplayView
from engine.store.errors import StoreOld
from engine.store.record import open_record, require_whole
from engine.store.schema import FILE_NAME, LATEST

MB = 1_000_000
SESSION_KEYS = "session-keys*"
"""A miner's session keys between runs, and the key that seals them."""


def record(replay: ReplayView, netuid: int) -> Result:
    """How many rounds there are, and from when."""
    return ok("record", f"{replay.total:,} rounds of netuid {netuid}, {utc(replay.first_at)} to {utc(replay.last_at)}")


def log(folder: Path) -> Result:
    """Whether the folder has the log of its engine."""
    files = sorted((folder / FOLDER).glob(f"{FILE}*"))
    if not files:
        return skipped("log", "there is no log, so Logs stays empty")
    return ok("log", f"{sum(file.stat().st_size for file in files) / MB:.1f} MB in {counted(len(files), 'file')}")


LITTLE = 256 * MB
ENOUGH = 2000 * MB
"""Free bytes on the data folder's disk: below the first a run fails soon, above the second it lasts for months."""


def configuration(found: Configuration) -> Iterator[Result]:
    """How many settings are set, and whether they mean the demo; errors are found earlier, see
    `wrong_configuration`.
    """
    given = [name for name, source in found.sources.items() if not source.startswith("default")]
    yield ok("configuration", f"{', '.join(given)} set, all valid" if given else "nothing set, all defaults")
    if doubt := demo_in_doubt(found):
        yield warning(
            "role", doubt, why="The checks below are for the demo.", do=f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}."
        )


def wrong_configuration(problem: str) -> Result:
    """The result for settings that cannot be read; `problem` names file, line and the nearest name."""
    return critical(
        "configuration",
        problem,
        why="Nothing starts with an unknown or invalid setting.",
        do="Correct it; `subnet-console config init` writes a file that explains every setting.",
    )


def keymap(path: Path | None = None) -> Result:
    """Whether the operator's keys can be used."""
    path = path or keymap_path()
    try:
        changed = len(read_keymap(path).changed)
    except ConsoleError as error:
        return warning(
            "keymap",
            str(error),
            why="The screen does not open with conflicting keys.",
            do="Correct the line, or move the file away to use the default keys.",
        )
    return ok("keymap", f"{changed} actions have custom keys" if changed else "the default keys")


def data_folder(case: Case) -> Iterator[Result]:
    """Whether it can be used, who else can read it, and how much space is left."""
    folder = case.folder
    here = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(here, os.R_OK | os.W_OK | os.X_OK) or not here.is_dir():
        yield critical(
            "data folder",
            f"{folder} cannot be written",
            why="Rounds, scores, keys and logs are kept there.",
            do="Choose another with --data-dir, or change its permissions.",
        )
        return
    try:
        if here == folder:
            require_own(folder)
    except FolderError as error:
        yield critical(
            "data folder",
            str(error),
            why="Others who can write there could replace your keys, scores and settings, so nothing starts.",
            do=f"Check what is in it, then chown it to yourself and chmod go-w {folder}.",
        )
        return
    if here == folder:
        yield _mode("data folder", folder, f"{folder}")
    else:
        yield ok("data folder", f"{folder} will be created at the first launch")
    yield space(shutil.disk_usage(here).free)


def _mode(name: str, path: Path, text: str) -> Result:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & OTHERS:
        return warning(
            name,
            f"{path} is readable by others (mode {mode:04o})",
            why="It holds keys, prompts and answers.",
            do=f"chmod go= {path}",
            fixes=[Fix(path, mode & ~OTHERS)],
        )
    return ok(name, f"{text} (mode {mode:04o})")


def private(case: Case) -> Iterator[Result]:
    """Whether others can read or write the files that hold secrets."""
    open_ones = [path for path in _with_secrets(case) if stat.S_IMODE(path.lstat().st_mode) & OTHERS]
    for path in open_ones:
        mode = stat.S_IMODE(path.stat().st_mode)
        yield warning(
            path.name,
            f"{path} can be read or written by others (mode {mode:04o})",
            why="It holds secrets, with which others can act in your name.",
            do=f"chmod go= {path}, and replace the secrets if you do not know who has read them.",
            fixes=[Fix(path, mode & ~OTHERS)],
        )
    if not open_ones:
        yield ok("private files", "nobody else can read them")


def _with_secrets(case: Case) -> Iterable[Path]:
    """The existing files with secrets: API keys, session keys, and a .env file that sets a secret."""
    sources = case.configuration.sources
    dotenv = Path(".env")
    sets = any(
        isinstance(getattr(case.settings, name), Secret) and source.startswith(f"{dotenv}:")
        for name, source in sources.items()
    )
    found = [case.folder / KEY_FILE, *case.folder.glob(SESSION_KEYS), *([dotenv.absolute()] if sets else [])]
    return [path for path in found if path.is_file() and not path.is_symlink()]


def space(free: int) -> Result:
    """Whether `free` bytes of disk space are enough."""
    shown = f"{free / MB / 1000:.1f} GB free"
    if free < LITTLE:
        return critical(
            "disk",
            shown,
            why="On a full disk rounds cannot be stored: they wait in memory, and are lost on a restart.",
            do="Free some space, or use another --data-dir.",
        )
    if free < ENOUGH:
        return warning(
            "disk",
            shown,
            why="A week of rounds of a full subnet takes about 1 GB.",
            do="Free some space, or lower retention_days and log_cap_mb.",
        )
    return ok("disk", shown)


def store(folder: Path, now: float) -> Result:
    """Whether the store in a data folder can be read by this version; `now` is unix time."""
    path = folder / FILE_NAME
    if not os.path.lexists(path):
        return skipped("store", "nothing stored yet")
    if path.is_file() and path.stat().st_size == 0:
        return warning(
            "store",
            f"{path} is empty",
            why="Something emptied it: the record is lost, and the next launch starts a new one.",
            do="If you have a backup, restore it before the next launch.",
        )
    try:
        require_whole(path)
        with open_record(path, brief=True) as record:
            neurons = sum(1 for _ in record.neurons.all())
            next(record.rounds.since(now - 3600), None)
    except StoreOld:
        return ok("store", f"from an older version; the next launch migrates it to schema {LATEST}")
    except StoreError as error:
        return critical("store", str(error), why="Scores and rounds cannot be stored without it.", do=advice_of(error))
    return ok("store", f"schema {LATEST}, {neurons} neurons, {path.stat().st_size / MB:.1f} MB")
