"""Keeps the session keys of a miner's callers between runs, in a file sealed under a random key in the same folder.

It is written when a run ends cleanly, and removed once the next run has read it. So its list of the messages that each
key has opened is always current, and none is opened twice; after a crash there is no file, and callers shake hands
again. Losing it costs no more than that, so any problem with it is logged and does not prevent a start.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken

from engine.files import open_input
from engine.folders import replace_file
from engine.transport.sessions import SavedKey

log = logging.getLogger(__name__)

KEY_FILE = "session-keys.key"
MOST_BYTES = 64 * 1024 * 1024
"""2048 keys that have opened 1000 messages each take 40 MB."""

Saved = Mapping[str, tuple[SavedKey, ...]]
"""By dialect."""


class KeptKeys:
    """The keys of the miner `hotkey` in `folder`. Both methods block, and never raise for problems with the files."""

    def __init__(self, folder: Path, hotkey: str) -> None:
        self._key_file = folder / KEY_FILE
        self._file = folder / f"session-keys-{hotkey}.sealed"

    def take(self) -> Saved:
        """The keys of the last run; the file is removed."""
        try:
            sealed = _read(self._file)
            self._file.unlink()
            clear = Fernet(_read(self._key_file)).decrypt(sealed)
            return msgspec.msgpack.decode(clear, type=dict[str, tuple[SavedKey, ...]])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, InvalidToken, msgspec.MsgspecError) as error:
            log.warning(
                "the session keys in %s cannot be read, so callers must shake hands again: %s",
                self._file,
                _why(error),
            )
            return {}

    def keep(self, saved: Saved) -> None:
        """Write the keys for the next run."""
        try:
            clear = msgspec.msgpack.encode(saved)
            if len(clear) > MOST_BYTES:
                raise ValueError(f"they take {len(clear):,} bytes, and at most {MOST_BYTES:,} are kept")
            replace_file(self._file, Fernet(self._sealing_key()).encrypt(clear))
        except (OSError, ValueError) as error:
            log.warning(
                "the session keys cannot be kept in %s, so callers must shake hands again: %s",
                self._file,
                _why(error),
            )

    def _sealing_key(self) -> bytes:
        try:
            return _read(self._key_file)
        except FileNotFoundError:
            key = Fernet.generate_key()
            replace_file(self._key_file, key)
            return key


def _read(path: Path) -> bytes:
    """Raises OSError, also if others may read the file or it is too large."""
    with open_input(path) as file:
        found = os.fstat(file.fileno())
        if found.st_mode & 0o077:
            raise PermissionError(f"{path} may be read by others")
        if found.st_size > 2 * MOST_BYTES:
            raise OSError(f"{path} is too large")
        return file.read()


def _why(error: Exception) -> str:
    return "damaged, or sealed under another key" if isinstance(error, InvalidToken) else str(error)
