"""One setting: its declaration, a value given for it with its source, and that value in the setting's type."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

from msgspec import Struct, ValidationError, convert, inspect
from msgspec.structs import fields

from engine import plugins
from engine.redaction import know_url, url_shown
from engine.settings.declared import Addresses, BackendSpec, Recipient, Secret, Settings
from engine.values import Peer, host_and_port

PREFIX = "SUBNET_CONSOLE_"

_TRUE = frozenset(("true", "yes", "on", "1", "t", "y"))
_FALSE = frozenset(("false", "no", "off", "0", "f", "n"))
_UNITS = {"s": "seconds", "h": "hours", "MB": "megabytes"}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


class Setting(Struct, frozen=True, kw_only=True):
    """What is declared about one setting. `kind` is its type without None, and `form` says what a text must look like.

    `choices` are its values where they are a closed set, in the order of their declaration. Installed packages may add
    to them in the entry-point `group`.
    """

    name: str
    type: Any
    kind: inspect.Type
    description: str
    unit: str = ""
    form: str = ""
    choices: tuple[str, ...] = ()
    group: str = ""

    @property
    def secret(self) -> bool:
        """Whether its value must never be shown, nor stand in a file."""
        return isinstance(self.kind, inspect.CustomType) and self.kind.cls is Secret

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper()


class SettingsError(Exception):
    """An invalid setting: the message gives its place (option, variable, or file and line) and what it must be."""


class Given(Struct, frozen=True):
    """A value and its source. `is_text` marks options and variables, where numbers and lists are text too."""

    value: Any
    source: str
    is_text: bool = True

    def read(self, name: str) -> Any:
        """The value in the type of the setting `name`. Raises SettingsError."""
        try:
            return read(declared()[name], self.value, is_text=self.is_text)
        except ValueError as error:
            where = self.source if self.source.startswith("-") else f"{self.source}: {name}"
            raise SettingsError(f"{where} {error}") from error


Layer = dict[str, Given]
"""The values of one source, by setting."""


@cache
def declared() -> dict[str, Setting]:
    """All settings by name, in declaration order."""
    types = get_type_hints(Settings, include_extras=True)
    return {field.name: _setting(field.name, types[field.name]) for field in fields(Settings)}


def read(setting: Setting, given: object, *, is_text: bool) -> object:
    """`given` converted to the setting's type. Raises ValueError that says what it must be, without any secret."""
    if isinstance(given, str):
        know_url(given)
    try:
        if isinstance(setting.kind, inspect.VarTupleType):
            return _read_list(setting.kind, _split(given) if is_text else given)
        value = _from_text(setting, given) if is_text else given
        taken = convert(value, setting.type, strict=not is_text, dec_hook=_read_own)
        if setting.choices and taken is not None and taken not in setting.choices and taken not in _added(setting):
            raise ValueError("not one of its choices")
        return taken
    except (ValidationError, ValueError) as error:
        shown = "" if setting.secret else f", not {url_shown(repr(given))}"
        raise ValueError(f"must be {expected(setting)}{shown}") from error


def expected(setting: Setting) -> str:
    """What a value of the setting must be, in words."""
    if setting.form:
        return setting.form
    if setting.choices:
        return f"one of {', '.join((*setting.choices, *_added(setting)))}"
    unit = f" of {_UNITS.get(setting.unit, setting.unit)}" if setting.unit else ""
    match setting.kind:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{unit}{_bounds(setting.kind)}"
        case inspect.FloatType():
            return f"a number{unit}{_bounds(setting.kind)}"
        case inspect.VarTupleType(item_type=inspect.StructType()):
            return "a list of HOTKEY@HOST:PORT"
        case inspect.VarTupleType(item_type=inspect.CustomType(cls=cls)) if cls is BackendSpec:
            return "a list of NAME[@URL][#MODEL], such as vllm@http://10.0.0.2:8001/v1"
        case inspect.VarTupleType(item_type=inspect.CustomType()):
            return "a list of IP addresses or networks, such as 10.0.0.0/8"
        case inspect.VarTupleType():
            return "a list of hotkeys (ss58)"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path"
        case inspect.CustomType(cls=cls) if cls is Recipient:
            return "a command, or an http:// or https:// URL"
        case _:
            return "text"


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name: "; did you mean …?", or nothing."""
    match get_close_matches(name, list(known), n=1):
        case [near]:
            return f"; did you mean {near!r}?"
        case _:
            return ""


def _setting(name: str, annotation: Any) -> Setting:
    match inspect.type_info(annotation):
        case inspect.Metadata(type=kind, extra=extra) if extra is not None:
            if isinstance(kind, inspect.UnionType):
                kind = kind.types[0]
                match kind:
                    case inspect.Metadata(type=kind, extra=inner):
                        extra = {**(inner or {}), **extra}
            if isinstance(kind, inspect.LiteralType):
                extra = {**extra, "choices": get_args(get_args(annotation)[0])}
            return Setting(name=name, type=annotation, kind=kind, **extra)
        case _:
            raise TypeError(f"setting {name} has no description")


def _bounds(kind: inspect.Type) -> str:
    bounds = [f"{words} {bound}" for name, words in _BOUNDS.items() if (bound := getattr(kind, name)) is not None]
    return ", " + " and ".join(bounds)


def _split(given: object) -> list[str]:
    """A list in one text, separated by commas."""
    return [part.strip() for part in str(given).split(",") if part.strip()]


def _added(setting: Setting) -> tuple[str, ...]:
    """The names that installed packages add to the choices of a setting."""
    if not setting.group:
        return ()
    return tuple(name for name in plugins.added(setting.group) if name not in setting.choices)


def _from_text(setting: Setting, given: object) -> object:
    word = str(given).strip().lower()
    if isinstance(setting.kind, inspect.BoolType) and word in _TRUE | _FALSE:
        return word in _TRUE
    if word in setting.choices:
        return word
    return given


def _read_list(kind: inspect.VarTupleType, given: object) -> tuple[object, ...]:
    read_one: Callable[[str], object]
    match kind.item_type:
        case inspect.StructType():
            read_one = _peer
        case inspect.CustomType(cls=cls) if cls is BackendSpec:
            read_one = _backend
        case inspect.CustomType():
            read_one = _addresses
        case _:
            read_one = _hotkey
    return tuple(read_one(text) for text in convert(given, list[str]))


def _hotkey(text: str) -> str:
    from engine.keys import is_address

    if not is_address(text):
        raise ValueError(f"{text!r} is not a hotkey")
    return text


def _addresses(text: str) -> Addresses:
    from ipaddress import ip_network

    ip_network(text, strict=False)
    return Addresses(text)


def _backend(text: str) -> BackendSpec:
    spec = BackendSpec(text)
    name, url, _ = spec.parts
    know_url(url)
    chosen = declared()["backend"]
    if name not in (*chosen.choices, *_added(chosen)):
        raise ValueError(f"{name!r} is not a backend")
    if url:
        read(declared()["backend_url"], url, is_text=True)
    return spec


def _peer(text: str) -> Peer:
    hotkey, _, where = text.partition("@")
    address, _, dialect = where.partition("/")
    return Peer(_hotkey(hotkey), *host_and_port(address), dialect)


def _read_own(kind: type, value: Any) -> object:
    """Our own types, which are written as text."""
    if not isinstance(value, str):
        raise TypeError(f"{kind.__name__} from {type(value).__name__}")
    if kind is Secret:
        return Secret(value)
    if kind is Recipient:
        return Recipient(value.strip())
    if not value.strip():
        raise ValueError("it is empty")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(str(error)) from error
