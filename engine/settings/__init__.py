"""Configuration: the settings there are, their values, and the source of each.

Each value comes from the first of these that has one:

1. an option of the command
2. the environment: `SUBNET_CONSOLE_…`, then the same names in `.env` in the current folder
3. the environment under the names of other programs of the field (`engine.settings.names`), then those names in
   `.env`; `Configuration.fates` tells what became of each
4. the chosen profile in the configuration file
5. the configuration file
6. the defaults, some of which differ in the demo

Lists replace each other and are not merged.
"""

from engine.settings.config_file import read_toml
from engine.settings.declared import Secret, Settings
from engine.settings.foreign import NameFate
from engine.settings.layers import Configuration, config_path, configure
from engine.settings.setting import Given, Layer, Setting, SettingsError, declared, expected

__all__ = [
    "Configuration",
    "Given",
    "Layer",
    "NameFate",
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
