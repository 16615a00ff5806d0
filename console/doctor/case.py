"""The subject of the doctor's checks."""

from pathlib import Path

from msgspec import Struct

from console.chain.signer import place_of
from engine.locks import Holder
from engine.settings import Configuration, Settings
from engine.snapshot import Snapshot


class Case(Struct, frozen=True, kw_only=True):
    """A configuration on this machine, at one moment.

    `hotkey` and `coldkey` are the addresses that would be used, "" without a wallet; `holder` is the process that uses
    the data folder; `snapshot` is the running engine's, None if no engine runs. `now` is unix time.
    """

    configuration: Configuration
    now: float
    hotkey: str = ""
    coldkey: str = ""
    holder: Holder | None = None
    snapshot: Snapshot | None = None

    @property
    def settings(self) -> Settings:
        """The settings of the configuration."""
        return self.configuration.settings

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.settings.data_dir

    @property
    def wallets(self) -> tuple[Path, str, str]:
        """The wallets' folder, the wallet's name and the hotkey's, as from `place_of`."""
        return place_of(self.settings, self.settings.role)
