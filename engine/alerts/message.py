"""What an alert says: some attention lines, and whose they are, in words for a chat and in JSON for a program."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from engine.snapshot import Snapshot
from engine.values import Level


class AlertLine(Struct, frozen=True):
    """One attention line at `at` (unix seconds); with `is_over`, that the one of this subject has been settled."""

    at: float
    level: Level
    subject: str
    text: str
    is_over: bool = False


def message(snapshot: Snapshot, host: str, lines: Iterable[AlertLine]) -> bytes:
    """JSON. Chats show its `text`, as Slack and Mattermost do, or its `content`, as Discord does."""
    told = [*lines]
    chain = snapshot.chain
    text = "\n".join(
        [f"subnet-console {snapshot.role} sn{chain.netuid}@{chain.network} on {host}:", *map(_words, told)]
    )
    return msgspec.json.encode(
        {
            "text": text,
            "content": text,
            "host": host,
            "role": snapshot.role,
            "network": chain.network,
            "netuid": chain.netuid,
            "hotkey": snapshot.hotkey,
            "version": snapshot.version,
            "lines": [
                {
                    "at": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
                    "level": line.level,
                    "subject": line.subject,
                    "text": line.text,
                    "is_over": line.is_over,
                }
                for line in told
            ],
        }
    )


def _words(line: AlertLine) -> str:
    return f"{'OVER' if line.is_over else line.level.upper()} {line.subject}: {line.text}"
