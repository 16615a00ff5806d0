"""Settings as command-line options: which ones have an option, its spellings and its help, and what was given.

A setting is declared in `engine.settings.declared`; listing it here makes it an option.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import inspect
from msgspec.structs import replace

from console.errors import ConsoleError
from console.streams import narrate
from engine.redaction import url_shown
from engine.settings import Configuration, Given, Layer, Setting, Settings, configure, declared
from engine.settings.declared import DEMO, BackendSpec
from engine.settings.layers import DEMO_DEFAULT
from engine.values import at_port

ENDPOINT = "--subtensor.chain_endpoint"
"""Bittensor's option for a chain's URL; it takes precedence over a network's name."""

EXTERNAL_IP = ("--external-ip", "--external_ip", "--axon.external_ip")
EXTERNAL_PORT = ("--external-port", "--external_port", "--axon.external_port")
"""Options in the spellings of this program, Fiber and Bittensor."""

LAUNCH: dict[str, dict[str, tuple[str, ...]]] = {
    "run": {
        "role": ("--role",),
        "rounds": ("--rounds",),
        "interval": ("--interval",),
        "seed": ("--seed",),
        "miners": ("--miners",),
        "commit_reveal": ("--commit-reveal",),
        "read_only": ("--read-only",),
        "data_dir": ("--data-dir",),
        "log_level": ("--log-level",),
        "metrics": ("--metrics",),
        "page": ("--page",),
    },
    "chain and wallet": {
        "network": ("--network", "--subtensor.network", ENDPOINT),
        "netuid": ("--netuid",),
        "wallet_name": ("--wallet-name", "--wallet.name"),
        "wallet_hotkey": ("--wallet-hotkey", "--wallet.hotkey"),
        "wallet_path": ("--wallet-path", "--wallet.path"),
        "allow_coldkey": ("--allow-coldkey",),
        "mechanism": ("--mechanism",),
    },
    "validator": {
        "neurons": ("--neuron",),
        "dialect": ("--dialect",),
        "challenges": ("--challenges",),
        "kind": ("--kind",),
        "allow_private": ("--allow-private",),
        "scoring": ("--scoring",),
        "encoder": ("--encoder",),
        "sybil_penalty": ("--sybil-penalty",),
        "encoder_url": ("--encoder-url",),
        "encoder_device": ("--encoder-device",),
    },
    "users' requests": {
        "gateway": ("--gateway",),
        "gateway_mode": ("--gateway-mode",),
        "redis": ("--redis",),
    },
    "Challenge API": {
        "challenge_api": ("--challenge-api",),
        "pushed": ("--pushed",),
        "pushers": ("--pusher",),
        "pushed_unsigned": ("--pushed-unsigned",),
        "validators": ("--validator",),
    },
    "miner server": {
        "host": ("--host",),
        "port": ("--port",),
        "external_ip": EXTERNAL_IP,
        "external_port": EXTERNAL_PORT,
        "backend": ("--backend",),
        "backend_url": ("--backend-url",),
        "backend_model": ("--backend-model",),
        "more_backends": ("--more-backend",),
        "model_path": ("--model-path",),
        "allow": ("--allow",),
        "openai": ("--openai",),
        "openai_public": ("--openai-public",),
    },
}
"""The spellings of each option, by heading and setting. All other settings are set in the file or the environment."""

CHAIN: dict[str, dict[str, tuple[str, ...]]] = {
    "role": {"role": ("--role",)},
    "chain and wallet": LAUNCH["chain and wallet"],
    "data": {"data_dir": ("--data-dir",)},
}

WATCH: dict[str, dict[str, tuple[str, ...]]] = {
    "chain": {name: LAUNCH["chain and wallet"][name] for name in ("network", "netuid")},
    "data": {"data_dir": ("--data-dir",)},
}

SERVE: dict[str, dict[str, tuple[str, ...]]] = {
    **CHAIN,
    "address": {"external_ip": EXTERNAL_IP, "external_port": EXTERNAL_PORT},
}

SERVICE: dict[str, dict[str, tuple[str, ...]]] = {
    "service": {
        "redis": ("--redis",),
        "host": ("--host",),
        "port": ("--port",),
        "gateway_mode": ("--gateway-mode",),
        "openai_public": ("--openai-public",),
        "log_level": ("--log-level",),
        "data_dir": ("--data-dir",),
    },
    "chain and wallet": LAUNCH["chain and wallet"],
    "asking": {"dialect": ("--dialect",), "allow_private": ("--allow-private",)},
}

DEMO_OWN = ("network", "wallet_name")
OTHERWISE = "add --role miner or --role validator for your own neuron"

EMBEDDING: dict[str, dict[str, tuple[str, ...]]] = {
    "embedding": {"encoder_url": ("--encoder-url",), "encoder_device": ("--encoder-device",)}
}
FOLDER: dict[str, dict[str, tuple[str, ...]]] = {"data": {"data_dir": ("--data-dir",)}}


def add_options(parser: argparse.ArgumentParser, groups: dict[str, dict[str, tuple[str, ...]]]) -> None:
    """Add the options of `groups`, and those that select a configuration file and a profile."""
    usual = Settings()
    for title, options in groups.items():
        group = parser.add_argument_group(title)
        for name, flags in options.items():
            group.add_argument(*flags, **_argument(declared()[name], usual))
    files = parser.add_argument_group("configuration")
    files.add_argument("--config", metavar="FILE", type=a_path, help="configuration file")
    files.add_argument(
        "-P", "--profile", metavar="NAME", type=a_word, help="profile to use from the configuration file"
    )


def a_word(text: str) -> str:
    """A non-empty argument: an unset shell variable leaves an empty one."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def a_stake(text: str) -> float:
    """Tokens: digits, with a fraction."""
    if not re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text, re.ASCII):
        raise argparse.ArgumentTypeError("must be a number of tokens, such as 12000 or 0.5")
    return float(text)


def a_path(text: str) -> Path:
    """A path; an empty one does not mean the current folder."""
    return Path(a_word(text))


def configuration(arguments: argparse.Namespace) -> Configuration:
    """The settings of this command. Raises SettingsError."""
    return configure(getattr(arguments, "given", {}), config=arguments.config, profile=arguments.profile)


def launch_configuration(arguments: argparse.Namespace) -> Configuration:
    """The settings of a run. The demo has its own chain and keys, which only a command-line option replaces.

    Raises SettingsError.
    """
    found = configuration(arguments)
    if found.settings.role == "validator":
        return _with_own_door(found)
    if found.settings.role != "demo":
        return found
    own = {name: getattr(Settings(), name) for name in DEMO_OWN if not found.sources[name].startswith("--")}
    left_out = {name: found.sources[name] for name, usual in own.items() if getattr(found.settings, name) != usual}
    sources = found.sources | dict.fromkeys(own, DEMO_DEFAULT)
    return replace(found, settings=replace(found.settings, **own), sources=sources, left_out=left_out)


def _with_own_door(found: Configuration) -> Configuration:
    """A validator does not listen by default; with the option --port it serves its metrics there. A port in a file does
    not count, because the file may be shared with a miner.
    """
    host, port, sources = found.settings.host, found.settings.port, found.sources
    if found.settings.metrics or not port or not sources["port"].startswith("--"):
        return found
    where = at_port(host, port) if sources["host"].startswith("--") else str(port)
    settings = replace(found.settings, metrics=where)
    return replace(found, settings=settings, sources={**sources, "metrics": sources["port"]})


def chain_configuration(arguments: argparse.Namespace) -> Configuration:
    """The settings of a command about the chain or the wallet, which never means the demo by accident. Raises
    SettingsError, and ConsoleError if a chain is named but no role.
    """
    found = configuration(arguments)
    if found.settings.role != "demo":
        return found
    if found.sources["network"].startswith("--") and not found.settings.embedded:
        return found
    demos = launch_configuration(arguments)
    if not found.sources["network"].startswith("--") and (doubt := demo_in_doubt(demos)):
        raise ConsoleError(f"{doubt}: {OTHERWISE}, or --network embedded for the demo")
    where = demos.settings.shared_chain or demos.settings.data_dir
    narrate(f"no role is set, so this is about the embedded chain in {where}: {OTHERWISE}")
    return demos


def demo_in_doubt(found: Configuration) -> str:
    """Why the operator may not want the demo: settings that the demo does not use; "" if there are none."""
    if not found.left_out:
        return ""
    listed = " and ".join(f"{name} ({source})" for name, source in found.left_out.items())
    return f"no role is set: this is the demo, with a chain and keys of its own, which does not use {listed}"


def require_embedded(settings: Settings) -> None:
    """Raises ConsoleError for any network other than the embedded chain, which alone has what the demo needs."""
    if not settings.embedded:
        network = url_shown(settings.network)
        raise ConsoleError(
            f"the demo runs on the embedded chain only: choose --role validator or --role miner for {network}, "
            "or leave --network out"
        )


class _Give(argparse.Action):
    """Keeps each value with the spelling of its option; the last one wins, and lists accumulate."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        if values == "":
            parser.error(f"{option_string} is empty: leave it out to use the default")
        given: Layer = getattr(namespace, "given", {})
        before = given.get(self.dest)
        if before is None or before.source != ENDPOINT or option_string == ENDPOINT:
            namespace.given = {**given, self.dest: self._given(values, option_string or self.dest, before)}

    def _given(self, values: Any, flag: str, before: Given | None) -> Given:
        kind = declared()[self.dest].kind
        if isinstance(kind, inspect.BoolType):
            return Given(True, flag, is_text=False)
        if isinstance(kind, inspect.VarTupleType):
            return Given([*(before.value if before else ()), values], flag, is_text=False)
        return Given(values, flag)


def _argument(setting: Setting, usual: Settings) -> dict[str, Any]:
    """A setting's option for argparse. Its value is validated together with all other settings."""
    argument: dict[str, Any] = {
        "action": _Give,
        "dest": setting.name,
        "default": argparse.SUPPRESS,
        "help": _help(setting, getattr(usual, setting.name)).replace("%", "%%"),
    }
    if isinstance(setting.kind, inspect.BoolType):
        return {**argument, "nargs": 0}
    return {**argument, "metavar": _metavar(setting)}


def _help(setting: Setting, default: Any) -> str:
    notes = [setting.form] if setting.form else []
    if isinstance(default, float):
        demo = f", {DEMO[setting.name]:g} in the demo" if setting.name in DEMO else ""
        notes.append(f"default: {default:g}{demo}")
    elif default not in (None, "", ()) and not isinstance(default, bool):
        notes.append(f"default: {default}")
    return f"{setting.description} ({'; '.join(notes)})" if notes else setting.description


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "{" + ",".join(setting.choices) + "}"
    match setting.kind:
        case inspect.VarTupleType(item_type=inspect.StructType()):
            return "HOTKEY@HOST:PORT[/DIALECT]"
        case inspect.VarTupleType(item_type=inspect.CustomType(cls=cls)) if cls is BackendSpec:
            return "NAME[@URL][#MODEL]"
        case inspect.VarTupleType():
            return "HOTKEY"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "PATH"
        case inspect.FloatType() if setting.unit == "s":
            return "SECONDS"
        case inspect.IntType() | inspect.FloatType():
            return "N"
        case _:
            return "TEXT"
