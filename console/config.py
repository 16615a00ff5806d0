"""`subnet-console config`: the settings with their sources, and a configuration file to start from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from console.errors import ConsoleError
from engine.redaction import hide_known, url_shown
from engine.settings import Configuration, NameFate, Secret, Setting, Settings, declared, expected
from engine.text import cells, safe
from engine.values import Peer, at_port

HEADINGS = {
    "role": "General",
    "network": "The chain and the wallet",
    "rounds": "The validator",
    "host": "The miner server",
    "miners": "The demo",
}
"""The first setting of each section of the file."""

OTHER_NAMES = "names_of_others"
"""The JSON key for other programs' names; no setting is called this."""

INTRODUCTION = """\
# Settings of subnet-console. Every line shows a default; remove its "#" to change it.
# Command-line options, and variables such as SUBNET_CONSOLE_NETUID=1, take precedence over this file.
# A table [profile.NAME] at the end overrides some of them when -P NAME is given.
"""


class Shown(Struct, frozen=True):
    """A setting as shown: its value in TOML, with secrets hidden."""

    name: str
    value: str
    source: str
    about: str


def shown(configuration: Configuration) -> list[Shown]:
    """All settings in declaration order, with texts as they were given."""
    return [
        Shown(
            name,
            as_toml(_plain(getattr(configuration.settings, name))),
            configuration.sources[name],
            setting.description + (f" ({setting.unit})" if setting.unit else ""),
        )
        for name, setting in declared().items()
    ]


def shown_names(configuration: Configuration) -> list[Shown]:
    """How other programs' variable names were used, in the same form. Their values are never shown."""
    return [Shown(one.name, _became(one), one.source, one.reason) for one in configuration.fates]


def show(configuration: Configuration, *, as_json: bool) -> str:
    """Every setting with its value and source, and other programs' names. Secrets are hidden."""
    if as_json:
        values = {name: _plain(getattr(configuration.settings, name)) for name in declared()}
        found: dict[str, Any] = {
            name: {"value": values[name], "source": configuration.sources[name]} for name in values
        }
        return json.dumps(found | {OTHER_NAMES: [to_builtins(fate) for fate in configuration.fates]}, indent=2)
    settings = aligned([(one.name, one.value, one.source) for one in shown(configuration)])
    names = aligned([(one.name, one.value, one.source, one.about) for one in shown_names(configuration)])
    return "\n".join((*settings, "", "Names of other programs:", *names) if names else settings)


def told(configuration: Configuration) -> list[str]:
    """How other programs' names were used, one line each; unknown names share one line."""
    known = [fate for fate in configuration.fates if fate.state != "unknown"]
    unknown = [fate.name for fate in configuration.fates if fate.state == "unknown"]
    lines = [f"{fate.source}: {fate.text}" for fate in known]
    return lines + [f"unknown, without effect: {', '.join(unknown)}"] * bool(unknown)


def _became(fate: NameFate) -> str:
    return f"taken as {fate.setting}" if fate.state == "taken" else fate.state


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cleaned cells, aligned in columns."""
    clean = [[safe(cell) for cell in row] for row in rows]
    widths = [max(map(cells, column)) for column in zip(*clean, strict=True)]
    return [
        "  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in clean
    ]


def init(path: Path) -> None:
    """Write a file that explains every setting and sets none. Raises ConsoleError, also if it already exists."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError as error:
        raise ConsoleError(f"{path} already exists and was not changed") from error
    except OSError as error:
        raise ConsoleError(f"{path} cannot be written ({error.strerror}): choose another with --config") from error


def template() -> str:
    """A configuration file with everything commented out."""
    parts = [INTRODUCTION]
    for setting in declared().values():
        if setting.name in HEADINGS:
            parts.append(f"\n# --- {HEADINGS[setting.name]} ---\n")
        parts.append(_explained(setting))
    return "\n".join(parts)


def _explained(setting: Setting) -> str:
    head = f"# {setting.description}: {expected(setting)}\n"
    if setting.secret:
        return f"# {setting.description}: {setting.variable}\n"
    default = _plain(getattr(Settings(), setting.name))
    return head + f"# {setting.name} = {'' if default is None else as_toml(default)}\n"


def _plain(value: Any) -> Any:
    """A setting's value for JSON, without secrets such as a URL's password."""
    match value:
        case Secret():
            return repr(value) if value else ""
        case Path() | str():
            return hide_known(url_shown(str(value)))
        case tuple():
            return [_plain(one) for one in value]
        case Peer(hotkey=hotkey, host=host, port=port, dialect=dialect):
            return f"{hotkey}@{at_port(host, port)}" + (f"/{dialect}" if dialect else "")
        case _:
            return value


def as_toml(value: Any) -> str:
    """A value in TOML, "not set" for None. JSON's strings, numbers and lists are valid TOML."""
    return "not set" if value is None else json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
