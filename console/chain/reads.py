"""Reads the chain: from a node, or from the embedded chain's file beside a running engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from console.chain.sight import looking, require_data
from console.chain.signer import own_hotkey
from console.errors import ConsoleError, ExitCode
from console.export.output import time_text
from console.present.formats import hotkey as short
from engine.chain.interface import Look
from engine.commands import in_words
from engine.errors import StoreError
from engine.quotas import QuotaTerms, allowed, stakes_of
from engine.quotas import quotas as quotas_of
from engine.redaction import url_shown
from engine.settings import Settings
from engine.store.record import open_record
from engine.store.schema import FILE_NAME as STORE_FILE
from engine.text import safe
from engine.values import Metagraph, Neuron, at_port

LOG_LINES = 100
"""Log lines kept for the report of an error."""

Columns = tuple[tuple[str, str, int], ...]
NEURONS: Columns = (
    ("uid", "UID", 5),
    ("hotkey", "HOTKEY", 18),
    ("stake", "STAKE", 12),
    ("incentive", "INCENTIVE", 10),
    ("dividends", "DIVIDENDS", 10),
    ("validator_trust", "VTRUST", 8),
    ("last_update", "UPDATED", 9),
    ("axon", "AXON", 22),
)
VALIDATORS: Columns = (
    ("uid", "UID", 5),
    ("hotkey", "HOTKEY", 18),
    ("stake", "STAKE", 14),
    ("quota", "QUOTA", 6),
    ("quota_then", "THEN", 6),
)
TABLES = {"neurons": NEURONS, "validators": VALIDATORS}

Found = dict[str, Any]


def metagraph(settings: Settings) -> Found:
    """Every neuron of the subnet."""
    with looking(settings) as look:
        seen = look()
    return {**_subnet(settings, seen), "neurons": [_neuron(one) for one in seen.metagraph.neurons]}


def hyperparameters(settings: Settings) -> Found:
    """The subnet's rules at this block."""
    with looking(settings) as look:
        seen = look()
    rules: Found = msgspec.to_builtins(seen.rules)
    return {**_subnet(settings, seen), "next_epoch": seen.next_epoch, **rules}


def neuron(settings: Settings, who: str) -> Found:
    """One neuron, by uid or hotkey, this wallet's by default: its weights and commits on chain beside its row."""
    who = who or own_hotkey(settings)
    with looking(settings) as look:
        one = _named(look().metagraph, who)
        seen = look(one.hotkey, one.coldkey)
    return {
        **_subnet(settings, seen),
        **_neuron(one),
        "balance": seen.balance,
        "weights": dict(seen.weights),
        "commits": [msgspec.to_builtins(commit) for commit in seen.commits],
    }


def stake(settings: Settings) -> Found:
    """The stake on this wallet's hotkey, and its coldkey's balance."""
    found = neuron(settings, "")
    return {
        name: found[name] for name in ("network", "netuid", "block", "uid", "hotkey", "coldkey", "stake", "balance")
    }


def quotas(settings: Settings, who: str, stake: float | None) -> Found:
    """How often each validator may ask each miner in an epoch, and what would change if one had another stake."""
    who = who or own_hotkey(settings)
    with looking(settings) as look:
        seen = look()
    one, terms, stakes = _named(seen.metagraph, who), QuotaTerms.of(settings), stakes_of(seen.metagraph)
    now = quotas_of(stakes, terms)
    then = now if stake is None else quotas_of({**stakes, one.hotkey: stake}, terms)
    quota = then.get(one.hotkey, 0)
    return {
        **_subnet(settings, seen),
        "uid": one.uid,
        "hotkey": one.hotkey,
        "stake": one.stake if stake is None else stake,
        "epoch_s": terms.epoch_s,
        "quota": quota,
        "for_own_questions": allowed(quota, terms.synthetic),
        "validators": [
            {
                "uid": neuron.uid,
                "hotkey": neuron.hotkey,
                "stake": stakes[neuron.hotkey],
                "quota": now.get(neuron.hotkey, 0),
                "quota_then": then.get(neuron.hotkey, 0),
            }
            for neuron in seen.metagraph.neurons
            if neuron.hotkey in now or neuron.hotkey in then
        ],
    }


def log(settings: Settings) -> Found:
    """The last commands to the engine and the chain with their outcomes, newest first."""
    require_data(settings)
    path = Path(settings.data_dir) / STORE_FILE
    try:
        with open_record(path, brief=True) as record:
            lines = record.commands.recent(LOG_LINES)
    except StoreError as error:
        raise ConsoleError(str(error)) from error
    return {"commands": [{**msgspec.to_builtins(line), "at": time_text(line.at)} for line in lines]}


def facts(found: dict[str, Any]) -> Iterator[str]:
    """One line per fact; a table for neurons, validators and commands."""
    width = max((len(name) for name in found), default=0)
    for name, value in found.items():
        if name in TABLES:
            yield "  ".join(f"{head:<{wide}}" for _, head, wide in TABLES[name]).rstrip()
            yield from (_row(row, TABLES[name]) for row in value)
        elif name == "commands":
            yield from map(_command, value) if value else ("no commands yet",)
        else:
            yield f"{name:<{width}}  {safe(_worded(value))}".rstrip()


def _subnet(settings: Settings, seen: Look) -> Found:
    return {"network": url_shown(settings.network), "netuid": seen.metagraph.netuid, "block": seen.block}


def _named(found: Metagraph, who: str) -> Neuron:
    one = next((one for one in found.neurons if who in (str(one.uid), one.hotkey)), None)
    if one is None:
        what = f"uid {who}" if who.isdigit() else f"hotkey {who}"
        raise ConsoleError(f"{what} is not registered on netuid {found.netuid}", ExitCode.NOT_REGISTERED)
    return one


def _neuron(one: Neuron) -> Found:
    fields: Found = msgspec.to_builtins(one)
    return {**fields, "axon": at_port(one.ip, one.port) if one.serving else ""}


def _row(neuron: Found, columns: Columns) -> str:
    cells = {**neuron, "hotkey": short(neuron["hotkey"], 17)}
    return "  ".join(f"{safe(_worded(cells[name])):<{wide}}" for name, _, wide in columns).rstrip()


def _command(line: dict[str, Any]) -> str:
    said = f"{in_words(line['name'])} {line['detail']}".rstrip()
    return safe(f"{line['at']}  {said}: {line['outcome']} {line['reason']}").rstrip()


def _worded(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}"
    if isinstance(value, dict):
        return ", ".join(f"uid {uid}: {weight}" for uid, weight in value.items()) or "none"
    if isinstance(value, list):
        return "; ".join(", ".join(f"{name} {one}" for name, one in item.items()) for item in value) or "none"
    return str(value)
