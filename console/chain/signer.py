"""The wallet that a command signs with: where it is, its addresses, and its keys before the first launch. No secret
leaves it."""

from pathlib import Path
from typing import Any

from console.errors import ConsoleError
from console.roles.session import NO_WALLET
from engine.chain.wallets import (
    THROWAWAY_HOTKEY,
    WalletError,
    load_throwaway,
    load_wallet,
    new_hotkey,
    throwaway,
)
from engine.folders import prepare_folder
from engine.settings import Settings
from engine.snapshot import Role


def wallet(settings: Settings) -> dict[str, Any]:
    """The wallet that would sign. Raises ConsoleError."""
    folder, name, hotkey = _where(settings)
    try:
        load = load_wallet if settings.wallet_name else load_throwaway
        found = load(folder, name, hotkey)
    except WalletError as error:
        raise ConsoleError(str(error)) from error
    return {
        "name": name,
        "hotkey_name": hotkey,
        "hotkey": found.hotkey.ss58_address,
        "coldkey": found.coldkey_address,
        "path": str(folder / name),
        "throwaway": not settings.wallet_name,
    }


def create_wallet(settings: Settings) -> dict[str, Any]:
    """The wallet that would sign; where it is missing, throwaway keys or a hotkey of the operator's wallet are made.

    Raises ConsoleError.
    """
    folder, name, hotkey = place_of(settings, role_of(settings))
    if not (settings.wallet_name or settings.embedded):
        raise ConsoleError(NO_WALLET)
    try:
        if settings.wallet_name:
            made = new_hotkey(folder, name, hotkey)
        else:
            made = not (folder / name).exists()
            throwaway(prepare_folder(settings.data_dir) / folder.name, name)
    except WalletError as error:
        raise ConsoleError(str(error)) from error
    except OSError as error:
        raise ConsoleError(f"cannot make keys in {folder / name}: {error.strerror or error}") from error
    return {**wallet(settings), "created": made}


def own_hotkey(settings: Settings) -> str:
    """The address of the hotkey that would sign. Raises ConsoleError."""
    return str(wallet(settings)["hotkey"])


def require_wallet(settings: Settings) -> None:
    """Raises ConsoleError if there are no keys to sign with: commands on the chain make none."""
    _where(settings)


def role_of(settings: Settings, of_action: Role | None = None) -> Role:
    """The configured role; if none is set, that of the operator's wallet, or miner if only a miner's throwaway keys
    exist, or validator.
    """
    if settings.role != "demo":
        return settings.role
    if settings.wallet_name and of_action:
        return of_action
    folder = settings.data_dir / "wallets"
    is_miners = not settings.wallet_name and (folder / "miner").exists() and not (folder / "validator").exists()
    return "miner" if is_miners else "validator"


def place_of(settings: Settings, role: Role) -> tuple[Path, str, str]:
    """The wallets' folder, the wallet's name and the hotkey's: as named, else the role's throwaway ones."""
    if settings.wallet_name:
        return settings.wallet_path.expanduser(), settings.wallet_name, settings.wallet_hotkey
    return settings.data_dir / "wallets", "miner" if role == "miner" else "validator", THROWAWAY_HOTKEY


def _where(settings: Settings) -> tuple[Path, str, str]:
    folder, name, hotkey = place_of(settings, role_of(settings))
    if not settings.wallet_name and not settings.embedded:
        raise ConsoleError(NO_WALLET)
    if not (settings.wallet_name or (folder / name).exists()):
        where = f"no throwaway keys for a {name} in {folder}"
        raise ConsoleError(f"{where}: `launch` and `wallet --create` make them, or name yours with --wallet-name")
    return folder, name, hotkey
