"""The wallet: whether it can be used, and whether it is stored safely."""

import stat
from collections.abc import Iterator
from pathlib import Path

from console.doctor.case import Case
from console.findings import Fix, Result, critical, ok, skipped, warning
from engine.chain.coldkey import guard_of
from engine.chain.wallets import NEW_COLDKEYPUB, WalletError, load_throwaway, load_wallet
from engine.folders import OTHERS


def wallet(case: Case) -> Iterator[Result]:
    """The hotkey, whether its secret matches its address, who else can read it, and the coldkey beside it."""
    folder, name, hotkey = case.wallets
    thrown_away = not case.settings.wallet_name
    if thrown_away and not case.settings.embedded:
        yield critical(
            "wallet",
            f"no wallet is named, and {case.settings.network} does not accept throwaway keys",
            why="A real network needs a key that is registered there.",
            do="Name one with --wallet-name, --wallet-hotkey and --wallet-path.",
        )
        return
    home = folder / name
    if thrown_away and not home.exists():
        yield skipped("wallet", "the first launch creates throwaway keys, for the embedded chain only")
        return
    try:
        load = load_throwaway if thrown_away else load_wallet
        found = load(folder, name, hotkey)
    except WalletError as error:
        yield critical("wallet", str(error), why="Nothing can be signed without the hotkey.", do=_after(error))
        return
    address = found.hotkey.ss58_address
    kind = "throwaway keys" if thrown_away else f"{name}/{hotkey}"
    yield ok("wallet", f"{kind}: {address}, matches its secret")
    yield from _mode("hotkey file", home / "hotkeys" / hotkey, "Anyone who reads it can sign as this neuron.")
    if not found.coldkey_address:
        yield skipped(
            "coldkey's address", f"{home / 'coldkeypub.txt'} does not exist, so no balance is shown: {NEW_COLDKEYPUB}"
        )
    if not thrown_away:
        yield coldkey(home / "coldkey")
        yield from _mode("coldkey file", home / "coldkey", "Anyone who copies it can try passwords at leisure.")


def _mode(name: str, key: Path, why: str) -> Iterator[Result]:
    """Whether others can read or write a key file, if it exists."""
    try:
        mode = stat.S_IMODE(key.stat().st_mode)
    except OSError:
        return
    if mode & OTHERS:
        yield warning(
            name,
            f"{key} can be read or written by others (mode {mode:04o})",
            why=why,
            do=f"chmod go= {key}",
            fixes=[Fix(key, mode & ~OTHERS)],
        )


def coldkey(path: Path) -> Result:
    """Whether there is an unencrypted coldkey on this machine. Only its first bytes are read."""
    match guard_of(path):
        case "absent":
            return ok("coldkey", "not on this machine, as it should be")
        case "unreadable":
            return ok("coldkey", "present, but not readable by this user")
        case "encrypted":
            return ok("coldkey", "present, encrypted")
    return warning(
        "coldkey",
        f"{path} is not encrypted",
        why="It controls the stake and the balance. A server needs only the hotkey and coldkeypub.txt.",
        do="Move it off this machine, or encrypt it with a password: nothing here needs it while running.",
    )


def _after(error: WalletError) -> str:
    what = str(error).rpartition(": ")[2]
    return what[:1].upper() + what[1:] + "."
