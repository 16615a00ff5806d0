"""What was found, and what became of an action, for people."""

from collections.abc import Iterator
from typing import Any

from console.chain.acting import Done
from console.present.formats import hotkey as short
from engine.text import safe

COLUMNS = (
    ("uid", "UID", 5),
    ("hotkey", "HOTKEY", 18),
    ("stake", "STAKE", 12),
    ("incentive", "INCENTIVE", 10),
    ("dividends", "DIVIDENDS", 10),
    ("validator_trust", "VTRUST", 8),
    ("last_update", "UPDATED", 9),
    ("axon", "AXON", 22),
)


def facts(found: dict[str, Any]) -> Iterator[str]:
    """A line for each fact; a table for neurons and for commands."""
    width = max((len(name) for name in found), default=0)
    for name, value in found.items():
        if name == "neurons":
            yield "  ".join(f"{head:<{wide}}" for _, head, wide in COLUMNS).rstrip()
            yield from map(_row, value)
        elif name == "commands":
            yield from map(_command, value) if value else ("no command was given yet",)
        else:
            yield f"{name:<{width}}  {safe(_said(value))}".rstrip()


def told(done: Done) -> str:
    """What became of it, in a line."""
    what = done.outcome or ("dry run" if done.dry_run else "nothing was sent")
    return f"{done.action}: {what} at block {done.block}{': ' * bool(done.reason)}{done.reason}"


def _row(neuron: dict[str, Any]) -> str:
    cells = {**neuron, "hotkey": short(neuron["hotkey"], 17)}
    return "  ".join(f"{safe(_said(cells[name])):<{wide}}" for name, _, wide in COLUMNS).rstrip()


def _command(line: dict[str, Any]) -> str:
    said = f"{line['name']} {line['detail']}".rstrip()
    return safe(f"{line['at']}  {said}: {line['outcome']} {line['reason']}").rstrip()


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.4f}"
    if isinstance(value, dict):
        return ", ".join(f"uid {uid}: {weight}" for uid, weight in value.items()) or "none"
    if isinstance(value, list):
        return "; ".join(", ".join(f"{name} {one}" for name, one in item.items()) for item in value) or "none"
    return str(value)
