"""`subnet-console config import`: another program's `.env` file as our configuration file.

Each line keeps its place and its comments. No value is ever printed and no secret is written: a key stays in the
environment, under our name for it.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, to_builtins

from console.config import aligned, as_toml
from console.errors import ConsoleError
from engine.redaction import HIDDEN, know, redact
from engine.settings import Given, Layer, Settings, SettingsError, declared
from engine.settings.config_file import text_of
from engine.settings.dotenv import Assignment, entries
from engine.settings.environment import Variables, from_file
from engine.settings.foreign import fates, their_backend, translated
from engine.text import safe

MINERS = ("LLM_BACKEND", "VLLM_API_BASE", "OLLAMA_BASE_URL", "DEFAULT_MODEL", "MAX_CONCURRENT_REQUESTS", "API_PORT")
VALIDATORS = ("DB_PATH", "USERS_DB_PATH", "LLM_API_URL", "HEATMAP_UPLOAD_URL", "CHALLENGE_MODE", "AXON_EXTERNAL_IP")
VALIDATORS_SECTIONS = ("VALIDATING.", "MANAGING.", "SCORING.", "SYNTHESIZING.")
"""Names that only one of the two roles reads. The validator's come first, since its file may also have `API_PORT`."""

LOCAL = ("localhost", "127.0.0.1", "0.0.0.0", "::1", "::", "")
SENSITIVE = re.compile(
    r"(?i)[\w.-]*(?:(?<!hot)(?<!cold)key|token|secret|password|passwd|phrase|mnemonic|seed|credential)s?"
)
"""Matches the name of a secret."""

IN_QUERY = re.compile(r"(?i)key|token|secret|passw|auth")
CONFIDED = re.compile(
    r"(?i)((?<!hot)(?<!cold)key|token(?!s\b)|secret|passw(?:or)?d|passphrase|phrase|mnemonic|seed|credential|bearer"
    r"|\bp(?:ass|wd?)\b)(.*)"
)
"""Matches a comment that mentions a secret: what follows may be one, in any form."""


class FileLine(Struct, frozen=True):
    """How one line was used: `state` is that of a `NameFate`, or `secret` for one that must stay in the environment."""

    line: int
    name: str
    state: str
    setting: str = ""
    reason: str = ""


class Import(Struct, frozen=True):
    """The result of an import: the source's lines, its contradictions, and the text of our file."""

    lines: tuple[FileLine, ...]
    conflicts: tuple[str, ...]
    toml: str

    @property
    def table(self) -> Iterator[tuple[str, ...]]:
        """The lines as a table."""
        yield ("LINE", "NAME", "BECAME", "")
        for one in self.lines:
            became = f"{one.setting}" if one.state == "taken" else one.state
            yield str(one.line), one.name, became, one.reason


def import_file(source: Path, target: Path, role: str | None) -> Import:
    """Write the settings of `source` to `target`, which must not exist. Raises ConsoleError and SettingsError."""
    try:
        found = read_import(source, role)
    except FileNotFoundError as error:
        raise ConsoleError(f"no such file: {source}") from error
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(found.toml)
    except FileExistsError as error:
        raise ConsoleError(f"{target} already exists and was not changed: choose another with --config") from error
    except OSError as error:
        raise ConsoleError(f"{target} cannot be written ({error.strerror}): choose another with --config") from error
    return found


def read_import(source: Path, role: str | None = None) -> Import:
    """Read a file without writing anything. Raises FileNotFoundError, and SettingsError for invalid values."""
    text = text_of(source)
    variables = from_file(source, {})
    values = _values(variables)
    _require_valid(values)
    assignments = list(entries(text, {}))
    _know_secrets(assignments)
    found = (*_lines(variables, values, assignments, source), *_unreadable(text, assignments))
    lines = tuple(sorted(found, key=lambda one: one.line))
    role = role or _role(variables)
    return Import(
        lines, tuple(_conflicts(lines, values)), "\n".join(_toml(text, source, role, values, lines, assignments))
    )


def _values(variables: Variables) -> Layer:
    """Our own names take precedence over other programs', as everywhere."""
    return {**translated(variables.foreign, their_backend([variables.foreign])), **variables.own}


def _require_valid(values: Layer) -> None:
    """Raises SettingsError that lists every wrong line."""
    wrong = []
    for name, given in values.items():
        try:
            given.read(name)
        except SettingsError as error:
            wrong.append(str(error))
    if wrong:
        raise SettingsError("\n".join(wrong))


def _know_secrets(assignments: Sequence[Assignment]) -> None:
    """Hide every value whose name marks it as a secret wherever it occurs, comments included."""
    for entry in assignments:
        if entry.value and not entry.value.isdigit() and SENSITIVE.fullmatch(entry.name):
            know(entry.value)


def _lines(variables: Variables, values: Layer, assignments: Sequence[Assignment], source: Path) -> Iterator[FileLine]:
    sources = dict.fromkeys(declared(), "default") | {name: given.source for name, given in values.items()}
    told: set[int] = set()
    for fate in fates(variables.foreign, their_backend([variables.foreign]), sources):
        line = _line_of(fate.source, source)
        told.add(line)
        if fate.state == "taken" and _is_secret(fate.setting, values):
            yield FileLine(line, fate.name, "secret", fate.setting, _stays(fate.setting))
        else:
            yield FileLine(line, fate.name, fate.state, fate.setting, fate.reason.replace(f"{source}:", "line "))
    for setting, given in variables.own.items():
        line = _line_of(given.source, source)
        told.add(line)
        state, reason = ("secret", _stays(setting)) if _is_secret(setting, values) else ("taken", "")
        yield FileLine(line, declared()[setting].variable, state, setting, reason)
    last = {entry.name.upper(): entry.line for entry in assignments}
    for entry in assignments:
        if entry.line in told:
            continue
        if last[entry.name.upper()] != entry.line:
            yield FileLine(entry.line, entry.name, "overruled", reason=f"line {last[entry.name.upper()]} sets it again")
        else:
            yield FileLine(
                entry.line, entry.name, "ignored", reason="it is empty" if not entry.value else "it sets nothing here"
            )


def _unreadable(text: str, assignments: Sequence[Assignment]) -> Iterator[FileLine]:
    """Lines that are neither empty, a comment, nor part of NAME=value; every reader of .env files skips them."""
    within = {number for entry in assignments for number in range(entry.line, entry.end + 1)}
    for number, raw in enumerate(_raw(text), start=1):
        if number not in within and raw.strip() and not raw.lstrip().startswith("#"):
            yield FileLine(number, "-", "unreadable", reason="it is not of the form NAME=value")


def _raw(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _is_secret(setting: str, values: Layer) -> bool:
    """Whether its value, or part of it such as a URL's password, must not be written."""
    if declared()[setting].secret:
        return True
    for part in str(values[setting].value).split(","):
        url = part.partition("://")[2]
        if "@" in url.partition("/")[0] or IN_QUERY.search(url.partition("?")[2]):
            return True
    return False


def _line_of(source: str, file: Path) -> int:
    """The line in a place such as `.env:12 NAME`."""
    return int(source.removeprefix(f"{file}:").partition(" ")[0])


def _stays(setting: str) -> str:
    return (
        f"not written to a file: set {declared()[setting].variable} in the environment, or in a .env file of your own"
    )


def _role(variables: Variables) -> str:
    """The role that the file is for, by the names that only one role reads; "" if it cannot be told."""
    names = {name.upper for name in variables.foreign}
    if names & {*VALIDATORS} or any(name.startswith(VALIDATORS_SECTIONS) for name in names):
        return "validator"
    return "miner" if names & {*MINERS} else ""


def _conflicts(lines: Sequence[FileLine], values: Layer) -> Iterator[str]:
    """Names that the file sets twice, and values that contradict each other."""
    for one in lines:
        if one.state == "overruled":
            yield f"line {one.line}: {one.name} has no effect: {one.reason}"
    url = urlsplit(str(values["backend_url"].value)) if "backend_url" in values else None
    port = values["port"].read("port") if "port" in values else Settings().port
    try:
        is_ours = url is not None and (url.hostname or "") in LOCAL and url.port == port
    except ValueError:
        is_ours = False
    if is_ours:
        yield f"port {port} is both the miner's own and its model server's: change one of them"


def _toml(
    text: str, source: Path, role: str, values: Layer, lines: Sequence[FileLine], assignments: Sequence[Assignment]
) -> Iterator[str]:
    """The text of our file: each line in its place, with its comments."""
    yield f"# Settings of subnet-console, from {safe(str(source))}. 'config show' shows the values in effect."
    if role and "role" not in values:
        yield f"role = {as_toml(role)}"
    yield ""
    begins = {entry.line: entry for entry in assignments}
    unreadable = {one.line for one in lines if one.state == "unreadable"}
    inside = {number for entry in assignments for number in range(entry.line + 1, entry.end + 1)}
    for number, raw in enumerate(_raw(text), start=1):
        if entry := begins.get(number):
            if entry.comment:
                yield _comment(entry.comment)
            for one in lines:
                if one.line == number and one.state != "taken":
                    yield f"# {safe(one.name)}: {one.state}{': ' * bool(one.reason)}{safe(one.reason)}"
            for setting, given in values.items():
                if _line_of(given.source, source) == number and not _is_secret(setting, values):
                    yield f"{setting} = {as_toml(_plain(setting, given))}"
        elif number in unreadable:
            yield f"# line {number}: unreadable: it is not of the form NAME=value"
        elif number not in inside:
            yield _comment(raw.strip().removeprefix("#").strip()) if raw.strip() else ""


def _plain(setting: str, given: Given) -> Any:
    """A value in TOML, spelled as in the source."""
    value = given.read(setting)
    if isinstance(value, tuple):
        return [part.strip() for part in str(given.value).split(",") if part.strip()]
    return str(value) if isinstance(value, str | Path) else value


def _comment(words: str) -> str:
    """A comment, cut after any word that announces a secret."""
    spoken = CONFIDED.search(words)
    if spoken and spoken[2].strip(" .:"):
        words = f"{words[: spoken.end(1)]} {HIDDEN}"
    return f"# {safe(redact(words))}".rstrip()


def report(found: Import, target: Path, *, as_json: bool) -> str:
    """A summary as text or as JSON."""
    if as_json:
        told = {
            "written": str(target),
            "lines": [to_builtins(one) for one in found.lines],
            "conflicts": found.conflicts,
        }
        return json.dumps(told, indent=2)
    parts = aligned(list(found.table))
    if found.conflicts:
        parts += ["", "Conflicts:", *(f"  {safe(one)}" for one in found.conflicts)]
    return "\n".join(
        [*parts, "", f"written: {safe(str(target))} (a .env file in the working directory takes precedence over it)"]
    )
