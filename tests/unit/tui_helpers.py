"""What the screen tests share: snapshots with content, and an app without an engine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from textual.geometry import Region
from textual.widget import Widget

from console.screens.keymap import Keymap
from console.tui.app import ConsoleApp
from engine.commands import AnyCommand
from engine.feed import Feed
from engine.logs import LogRing
from engine.node.in_process import InProcessEngine
from engine.snapshot import Attention, ChainView, MinerView, RoundView, ServiceView, Snapshot
from tests.unit.engine_helpers import idle_engine

NOW = 1_700_000_000.0
NARROW = (80, 24)
WIDE = (160, 48)


def miner(uid: int, **changes: Any) -> MinerView:
    """A miner that answers; those with a higher uid do worse."""
    usual = MinerView(
        uid=uid,
        hotkey=f"5Hotkey{uid:040d}",
        name=f"miner-{uid}",
        ema=1 - uid / 10_000,
        ema_before=1 - uid / 10_000,
        weight=0.1,
        planned=0.1,
        answered=9,
        failed=1,
        latency_ms=200.0 + uid,
        last_answer_at=NOW - uid,
        state="active",
    )
    return replace(usual, **changes)


def judged(number: int, **changes: Any) -> RoundView:
    """A round without trouble; higher numbers are later."""
    usual = RoundView(
        id=f"c-{number:04d}",
        at=NOW - 100 + number,
        kind="chat",
        source="synthetic",
        profile="robust",
        asked=16,
        answered=15,
        clusters=(12, 3),
        agreement=0.9,
        winner_uid=1,
        winner_hotkey="5Hotkey",
        p50_ms=210.0,
        p95_ms=900.0,
        duration_ms=1500.0,
        recorded=True,
    )
    return replace(usual, **changes)


def attention(number: int, **changes: Any) -> Attention:
    usual = Attention(id=number, at=NOW + number, level="warning", subject="store", text=f"trouble {number}")
    return replace(usual, **changes)


def snapshot(**changes: Any) -> Snapshot:
    """A validator that runs on the embedded chain, with three miners and four rounds."""
    usual = Snapshot(
        at=NOW,
        version="0",
        role="validator",
        started_at=NOW - 60,
        hotkey="5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        scoring="robust",
        encoder="minilm",
        seed=7,
        services=(ServiceView(name="validator", state="running", since=NOW),),
        chain=ChainView(
            network="embedded",
            endpoint="embedded",
            netuid=1,
            reachable=True,
            block=100,
            block_at=NOW,
            tempo=12,
            uid=0,
            registered=True,
            validator_permit=True,
            stake=1000.0,
        ),
        miners=tuple(miner(uid) for uid in (1, 2, 3)),
        rounds=tuple(judged(number) for number in range(4)),
    )
    return replace(usual, **changes)


class Orders:
    """Takes the commands that a screen submits."""

    def __init__(self, feed: Feed) -> None:
        self.taken: list[AnyCommand] = []
        self._feed = feed
        self._last_id = ""
        feed.on_command(self._take)

    def _take(self, command: AnyCommand, id: str) -> None:
        self.taken.append(command)
        self._last_id = id

    def answer(self, **fields: str) -> None:
        """Answer the last command."""
        self._feed.emit("command", **fields, id=self._last_id)


def app_of(shown: Snapshot, folder: Path, **given: Any) -> ConsoleApp:
    """A screen of an idle engine."""
    usual: dict[str, Any] = {"keymap": Keymap(), "terminal": 1, "clock": lambda: NOW}
    return ConsoleApp(idle_engine(Feed(shown), folder), folder=folder, **usual | given)


def feed_of(app: ConsoleApp) -> Feed:
    """Where the engine of this screen publishes."""
    assert isinstance(app.engine, InProcessEngine)
    return app.engine.feed


def logs_of(app: ConsoleApp) -> LogRing:
    """What the engine of this screen logs to."""
    assert isinstance(app.engine.logs, LogRing)
    return app.engine.logs


def text_of(widget: Widget) -> str:
    """What a widget shows, line by line."""
    return "\n".join(strip.text.rstrip() for strip in widget.render_lines(Region(0, 0, *widget.size)))


def screen_text(app: ConsoleApp) -> str:
    """The whole screen as an operator reads it."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def toasts(app: ConsoleApp) -> Sequence[str]:
    """The messages that are to be seen, the oldest first."""
    return [notification.message for notification in app._notifications]
