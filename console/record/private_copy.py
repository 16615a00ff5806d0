"""Data folders of an older version, or from another machine: their stores are read in a private copy."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from console.errors import ConsoleError
from engine.errors import StoreError
from engine.folders import FolderError, prepare_folder, state_home
from engine.locks import folder_holder, folder_lock
from engine.store.schema import FILE_NAME
from engine.store.upgrade import copy_up_to_date, needs_copy

JUST_MADE_S = 60.0
"""Age in seconds below which a copy may not be locked yet."""


@contextmanager
def readable(folder: Path, tell: Callable[[str], object]) -> Iterator[Path]:
    """The folder to read this data folder's store in: itself, or a copy that is removed at the end of the block.

    `tell` is called before a copy is made. Copies left by killed processes are removed when the next one is made.
    Raises ConsoleError when no copy can be made. A store that cannot be read at all is left to whoever reads it.
    """
    path = folder / FILE_NAME
    try:
        is_readable = not needs_copy(path)
    except (StoreError, OSError):
        is_readable = True
    if is_readable:
        yield folder
        return
    copies = prepare_folder(state_home() / "copies")
    tell(f"{path} is of an older version or was never closed: reading a copy in {copies}")
    _remove_left_behind(copies)
    with ExitStack() as kept:
        yield _private_copy(path, copies, kept)


def _private_copy(path: Path, copies: Path, kept: ExitStack) -> Path:
    """A new folder with the copy, locked until `kept` closes."""
    try:
        private = Path(tempfile.mkdtemp(dir=copies))
        kept.callback(shutil.rmtree, private, ignore_errors=True)
        kept.enter_context(folder_lock(private))
        copy_up_to_date(path, private)
    except StoreError as error:
        raise ConsoleError(str(error).replace(str(private / FILE_NAME), str(path))) from error
    except OSError as error:
        raise ConsoleError(f"{path} cannot be copied into {copies}: {error.strerror or error}") from error
    return private


def _remove_left_behind(copies: Path) -> None:
    for one in copies.iterdir():
        with suppress(OSError, FolderError):
            if time.time() - one.stat().st_mtime > JUST_MADE_S and folder_holder(one) is None:
                shutil.rmtree(one)
