"""The value of each setting, from the layers that the package describes."""

import os
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from engine.folders import config_home
from engine.settings.config_file import ConfigFile, read_file
from engine.settings.declared import DEMO, Settings
from engine.settings.environment import CONFIG_VARIABLE, PROFILE_VARIABLE, from_file, from_process
from engine.settings.foreign import Name, NameFate, fates, their_backend, translated
from engine.settings.names import LLAMA_SERVER
from engine.settings.setting import Given, Layer, SettingsError, declared

DEFAULT = "default"
DEMO_DEFAULT = "default of the demo"
ROUND_A_CHALLENGE = 1.25
"""A round's time limit relative to a miner's, as in the defaults: it leaves room for handshakes and late sends."""


class Configuration(Struct, frozen=True):
    """The settings of a run, and the source of each.

    `names` are the names of other programs that were found; `backend` is the chosen backend in their vocabulary.
    `left_out` are the settings that a demo does not take although they are set, with their sources.
    """

    settings: Settings
    sources: dict[str, str]
    names: tuple[Name, ...] = ()
    backend: str = ""
    left_out: dict[str, str] = {}

    @property
    def fates(self) -> tuple[NameFate, ...]:
        """What became of the names of other programs."""
        return tuple(fates(self.names, self.backend, self.sources))


def configure(
    options: Layer,
    *,
    config: Path | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Configuration:
    """The settings from all sources; `config` and `profile` were given to the command.

    Raises SettingsError: a setting that is unknown or wrong, a file or profile that was named and is not there.
    """
    variables = from_process(environ)
    dotenv = from_file(Path(".env"), environ)
    file = _config_file(config, environ)
    own = ChainMap(options, variables.own, dotenv.own)
    filed = ChainMap(_profile(file, profile or environ.get(PROFILE_VARIABLE)), file.values if file else {})
    foreign = (variables.foreign, dotenv.foreign)
    backend = _backend(own) if "backend" in own else their_backend(foreign) or _backend(filed)
    given = ChainMap(*own.maps, *(translated(names, backend) for names in foreign), *filed.maps)
    values = {name: one.read(name) for name, one in given.items()}
    sources = dict.fromkeys(declared(), DEFAULT) | {name: one.source for name, one in given.items()}
    if values.get("role", Settings().role) == "demo":
        sources |= {name: DEMO_DEFAULT for name in DEMO if name not in values}
        values = {**DEMO, **values}
    _fit_round(values, sources, is_given="round_timeout" in given)
    return Configuration(Settings(**values), sources, (*variables.foreign, *dotenv.foreign), backend)


def _fit_round(values: dict[str, Any], sources: dict[str, str], *, is_given: bool) -> None:
    """Make a round's time limit follow its miners', unless it was given.

    Raises SettingsError if it was given and is shorter.
    """
    usual = Settings()
    miner = values.get("challenge_timeout", usual.challenge_timeout)
    whole = values.get("round_timeout", usual.round_timeout)
    if whole >= miner:
        return
    if is_given:
        raise SettingsError(
            f"{sources['round_timeout']}: round_timeout is {whole:g} s and must be at least challenge_timeout, "
            f"{miner:g} s ({sources['challenge_timeout']})"
        )
    values["round_timeout"] = miner * ROUND_A_CHALLENGE
    sources["round_timeout"] = f"{ROUND_A_CHALLENGE:g} × challenge_timeout"


def config_path() -> Path:
    """The configuration file's default path."""
    return config_home() / "config.toml"


def _backend(layers: ChainMap[str, Given]) -> str:
    """The backend in our own `layers`, in other programs' vocabulary; "" for none, or for one that they lack."""
    named = str(layers["backend"].read("backend")) if "backend" in layers else ""
    return "" if named == LLAMA_SERVER else named


def _config_file(named: Path | None, environ: Mapping[str, str]) -> ConfigFile | None:
    if named is None and environ.get(CONFIG_VARIABLE):
        named = Path(environ[CONFIG_VARIABLE])
    try:
        return read_file(named or config_path())
    except FileNotFoundError as error:
        if named is None:
            return None
        raise SettingsError(f"no such configuration file: {named}") from error
    except SettingsError as error:
        if named is not None:
            raise
        raise SettingsError(
            f"{error} (use --config FILE for another file, or --config {os.devnull} for none)"
        ) from error


def _profile(file: ConfigFile | None, name: str | None) -> Layer:
    if not name:
        return {}
    if file is None:
        raise SettingsError(f"profile {name!r} needs a configuration file, but {config_path()} does not exist")
    return file.profile(name)
