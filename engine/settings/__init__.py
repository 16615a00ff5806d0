"""Configuration: what can be set, what is set, and by whom.

A value comes from the first of these that has one:

1. an option of the command
2. the environment: `SUBNET_CONSOLE_…`, then the same names in `.env` in the current folder
3. the environment under the names of the field's programs (`engine.settings.names`), then those names in `.env`;
   what becomes of each is in `Configuration.fates`
4. the profile that was asked for, in the configuration file
5. the configuration file
6. the defaults, of which the demo has some of its own

A list that is set replaces the lists below it.
"""

from engine.settings.declared import Secret, Settings
from engine.settings.file import read_toml
from engine.settings.foreign import Fate
from engine.settings.given import Given, Layer, SettingsError
from engine.settings.layers import Configuration, config_path, configure
from engine.settings.reading import Setting, declared, expected

__all__ = [
    "Configuration",
    "Fate",
    "Given",
    "Layer",
    "Secret",
    "Setting",
    "Settings",
    "SettingsError",
    "config_path",
    "configure",
    "declared",
    "expected",
    "read_toml",
]
