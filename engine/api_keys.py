"""Bearer keys for an OpenAI-compatible API: a private file that holds their digests, never the keys themselves.

`subnet-console keys` writes the file, and a running process reads it again whenever it has changed.
"""

import fcntl
import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import asdict, replace

from engine.files import UNDECODABLE, damage, open_input
from engine.folders import OTHERS, replace_file
from engine.values import GatewayMode

log = logging.getLogger(__name__)

FILE_NAME = "api-keys.json"
PREFIX = "sk-subnet-"
KEY_BYTES = 32
"""Of chance: nobody guesses them, so that an unsalted digest is enough."""

MOST_KEYS = 1000
"""More keys than users of one server have; the file is read whole at every change."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
REPAIR = "repair it, or move it away and make new keys"


Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class KeyFileError(Exception):
    """The key file cannot be used, or a change to it makes no sense. The message says what to do."""


class KeyRefused(KeyFileError):
    """A change that makes no sense with the keys that there are."""


Count = Annotated[int, Meta(ge=1, le=10**12)]


class KeyLimits(Struct, frozen=True, kw_only=True):
    """What a key may ask, as much as anybody may where None. Months are those of UTC."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    requests_per_month: Count | None = None
    tokens_per_month: Count | None = None


NO_LIMITS = KeyLimits()


class KeyManner(Struct, frozen=True, kw_only=True):
    """How a gateway serves a key: in which mode unless a request names one, the usual one where None, and whether the
    record keeps nothing of what its bearer asks and is told. That of an `admin` makes and revokes keys over HTTP."""

    mode: GatewayMode | None = None
    keeps_nothing: bool = False
    admin: bool = False


USUAL = KeyManner()


class ApiKey(KeyLimits, frozen=True, kw_only=True):
    """What is kept of a key. Times are unix seconds; `digest` is its SHA-256 in hex.

    `mode`, `keeps_nothing` and `admin` are as in `KeyManner`. After a rotation the key before it, `earlier`, opens the
    same until `earlier_until`.
    """

    name: str
    digest: Digest
    made_at: float
    expires_at: float | None = None
    earlier: Digest | None = None
    earlier_until: float = 0.0
    mode: GatewayMode | None = None
    keeps_nothing: bool = False
    admin: bool = False

    def has_expired(self, now: float) -> bool:
        return self.expires_at is not None and now >= self.expires_at

    def is_open_to(self, given: str, now: float) -> bool:
        """Whether the key with the digest `given`, which is this one or the one before it, is valid now."""
        return not self.has_expired(now) if given == self.digest else now < self.earlier_until


class _File(Struct, frozen=True):
    keys: Annotated[tuple[ApiKey, ...], Meta(max_length=MOST_KEYS)] = ()


def digest(key: str) -> str:
    """What the file keeps of a key: its SHA-256 in hex."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """All keys in the file, none if there is no file. Raises KeyFileError, also if others can read it."""
    return read_private(path, _File).keys


T = TypeVar("T")


def read_private(path: Path, kind: type[T]) -> T:
    """What a private file holds, an empty `kind` if there is none. Raises KeyFileError, also if others can read it."""
    try:
        with open_input(path) as file:
            found = os.fstat(file.fileno())
            raw = file.read()
    except FileNotFoundError:
        return kind()
    except OSError as error:
        raise KeyFileError(f"cannot read {path} ({error.strerror}): check its owner and mode") from error
    if found.st_mode & OTHERS:
        raise KeyFileError(
            f"others can read or write {path} (mode {found.st_mode & 0o7777:04o}): chmod 600 {path}, and replace the "
            "keys if you do not know who did"
        )
    if found.st_uid not in (os.geteuid(), 0):
        raise KeyFileError(f"{path} belongs to another user ({found.st_uid}): move it away and make new keys")
    try:
        return msgspec.json.decode(raw, type=kind)
    except UNDECODABLE as error:
        raise KeyFileError(damage(path, error, REPAIR)) from error


def add_key(
    path: Path,
    name: str,
    *,
    expires_at: float | None = None,
    limits: KeyLimits = NO_LIMITS,
    manner: KeyManner = USUAL,
) -> str:
    """Make a key called `name` and return it: it is in no file. Raises KeyFileError."""
    if not NAME.match(name):
        raise KeyRefused(f"{name[:64]!r} is not a valid key name: use up to 64 letters, digits and . _ @ -")
    key = PREFIX + secrets.token_urlsafe(KEY_BYTES)
    with _changing(path) as keys:
        if any(one.name == name for one in keys):
            raise KeyRefused(f"a key called {name} already exists: revoke it first, or choose another name")
        if len(keys) >= MOST_KEYS:
            raise KeyRefused(f"there are {MOST_KEYS} keys, which is the limit: revoke some")
        made = ApiKey(
            name=name,
            digest=digest(key),
            made_at=time.time(),
            expires_at=expires_at,
            **asdict(limits),
            **asdict(manner),
        )
        keys.append(made)
    return key


def rotate_key(path: Path, name: str, *, overlap: float, expires_at: float | None = None) -> str:
    """Replace a key by a new one of the same name and limits, and return that.

    The old key stays valid for another `overlap` seconds, unless it expires sooner. Without an `expires_at` the new one
    lives as long as the old one was meant to. Raises KeyFileError if there is none of this name.
    """
    key, now = PREFIX + secrets.token_urlsafe(KEY_BYTES), time.time()
    with _changing(path) as keys:
        at = _place(keys, name)
        old = keys[at]
        if expires_at is None and old.expires_at is not None:
            expires_at = now + old.expires_at - old.made_at
        until = now + overlap
        keys[at] = replace(
            old,
            digest=digest(key),
            made_at=now,
            expires_at=expires_at,
            earlier=old.digest,
            earlier_until=until if old.expires_at is None else min(until, old.expires_at),
        )
    return key


def revoke_key(path: Path, name: str) -> None:
    """Take a key back, and the one before it. Raises KeyFileError if there is none of this name."""
    with _changing(path) as keys:
        del keys[_place(keys, name)]


def _place(keys: Sequence[ApiKey], name: str) -> int:
    for place, one in enumerate(keys):
        if one.name == name:
            return place
    names = ", ".join(one.name for one in keys[:20]) or "none"
    raise KeyRefused(f"no key is called {name[:64]!r} (existing keys: {names})")


class ApiKeyRing:
    """The keys that are known now: `_refresh` looks for newer ones."""

    def __init__(self, keys: Sequence[ApiKey] = (), *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._keys = _by_digest(keys)
        self._trouble = ""

    def __len__(self) -> int:
        self._refresh()
        return len({one.name for one in self._keys.values()})

    @property
    def all(self) -> tuple[ApiKey, ...]:
        """Every key."""
        self._refresh()
        return tuple({one.name: one for one in self._keys.values()}.values())

    @property
    def trouble(self) -> str:
        """Why newer keys are not known; "" if all is well."""
        self._refresh()
        return self._trouble

    def replace(self, keys: Sequence[ApiKey]) -> None:
        """Know these keys from now on, and no others."""
        self._keys = _by_digest(keys)

    def find(self, key: str) -> ApiKey | None:
        """The key that these characters are, if it has not expired."""
        self._refresh()
        given = digest(key)
        found = self._keys.get(given)
        return found if found is not None and found.is_open_to(given, self._clock()) else None

    def is_valid(self, key: str) -> bool:
        """Whether these characters are still a key: it may have been revoked, or have expired."""
        return self.find(key) is not None

    def _refresh(self) -> None:
        """Take newer keys, if there are any."""


class ApiKeys(ApiKeyRing):
    """The keys in a file. It looks whether the file has changed each time a key is asked for.

    While the file cannot be read, the keys read last stay valid and `trouble` says what is wrong.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Raises KeyFileError if there is a file that cannot be used."""
        self._path = path
        self._seen = _identity(path)
        super().__init__(read_keys(path), clock=clock)

    @property
    def path(self) -> Path:
        """The file that holds them."""
        return self._path

    def _refresh(self) -> None:
        seen = _identity(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._keys, self._trouble = _by_digest(read_keys(self._path)), ""
        except KeyFileError as error:
            self._trouble = str(error)
            log.error("%s; the keys read last stay valid", error)


def _by_digest(keys: Sequence[ApiKey]) -> dict[str, ApiKey]:
    return {known: one for one in keys for known in (one.earlier, one.digest) if known is not None}


def _identity(path: Path) -> tuple[int, ...] | None:
    """What differs after each change, whoever made it; one system call of a few microseconds."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_mode


@contextmanager
def _changing(path: Path) -> Iterator[list[ApiKey]]:
    """The keys, to be changed by one process at a time; written when the block is left. Raises KeyFileError."""
    with alone_in(path.parent):
        keys = list(read_keys(path))
        yield keys
        write_private(path, _File(tuple(keys)))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One process at a time changes the key files of a folder. Raises KeyFileError."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileError(f"cannot open {folder} ({error.strerror}): check --data-dir") from error
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def write_private(path: Path, content: Struct) -> None:
    """As JSON that people can read, whole or not at all. Raises KeyFileError."""
    try:
        replace_file(path, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    except OSError as error:
        raise KeyFileError(f"cannot write {path} ({error.strerror}): check its folder's owner and mode") from error
