"""`subnet-console watch`: any subnet, read-only and without a key, in the screens Miners and Weights or as JSON."""

import os
import signal
import time
from collections import deque
from math import inf
from threading import Event as Flag
from threading import Thread
from typing import Any, NoReturn

import msgspec
from msgspec.structs import replace

from console import __version__, garbage
from console.chain.sight import Looking, looking
from console.errors import ExitCode
from console.streams import narrate
from console.terminal import check_terminal
from engine.chain.interface import ChainUnavailable
from engine.chain.standing import subnet_view
from engine.commands import AnyCommand
from engine.doors import EngineState, Log
from engine.errors import StoreError
from engine.feed import Feed
from engine.folders import prepare_folder, state_home
from engine.logs import open_log
from engine.redaction import url_shown
from engine.settings import Settings
from engine.snapshot import Batch, ChainView, Snapshot

LOG_CAP_MB = 5.0
BLOCK_TIME_S = 12.0
"""The real chain's block time; it is read once per block."""

PRICES_KEPT = 300
"""An hour of them."""

LEAVE_S = 2.0
"""For the connection to the chain to close."""

NO_SCREEN = "watch needs a screen; with --json it prints the subnet once"


def watch_once(settings: Settings) -> dict[str, Any]:
    """The current state of the subnet, for scripts. Raises ConsoleError, `ChainUnavailable`."""
    with looking(settings) as look:
        seen = look()
        earlier, endpoints = _earlier_prices(look, seen.block), look.endpoints
    view = subnet_view(seen, block_time=_block_time(settings))
    found: dict[str, Any] = msgspec.to_builtins(view)
    for validator in found["validators"]:
        validator["weights"] = dict(seen.rows[validator["uid"]])
    trend = [{"block": block, "price": price} for block, price in (*earlier, (seen.block, view.price))]
    price = {"total": view.price, "burned": view.price - view.locked, "locked": view.locked}
    left_out = ("trend", "locked")
    return {
        "network": url_shown(settings.network),
        "netuid": seen.metagraph.netuid,
        "block": seen.block,
        "next_epoch": seen.next_epoch,
        "endpoints": msgspec.to_builtins(endpoints),
        "rules": msgspec.to_builtins(seen.rules),
        **{name: value for name, value in found.items() if name not in left_out},
        "price": price,
        "trend": trend,
    }


def watch(settings: Settings) -> int:
    """Show the subnet until the user quits.

    The screen's own files (log, exports) go to the user's state folder. Raises ConsoleError, `ChainUnavailable`.
    """
    check_terminal(os.environ, otherwise=NO_SCREEN)
    own = prepare_folder(state_home() / "watch")
    narrate(f"looking at netuid {settings.netuid} of {url_shown(settings.network)}")
    with open_log(own, level="info", cap_mb=LOG_CAP_MB) as logs:
        watcher = Watcher(settings, logs)
        watcher.start()
        try:
            garbage.begin()
            from console.tui.run import show_watch

            received = show_watch(watcher, own, cap_mb=LOG_CAP_MB)
        finally:
            watcher.stop()
    return ExitCode.INTERRUPTED if received == signal.SIGINT else ExitCode.DONE


class Watcher:
    """An `Engine` whose Snapshot is the current state of a subnet, read by its own thread. It takes no commands."""

    state: EngineState = "running"

    def __init__(self, settings: Settings, logs: Log) -> None:
        now = time.time()
        self.logs = logs
        self.record = NothingRecorded()
        self._settings = settings
        self._block_time = _block_time(settings)
        self._feed = Feed(Snapshot(at=now, version=__version__, role="watch", started_at=now))
        self._prices: deque[tuple[int, float]] = deque(maxlen=PRICES_KEPT)
        self._seen = Flag()
        self._stopping = Flag()
        self._failure: Exception | None = None
        self._thread = Thread(target=self._run, name="watch", daemon=True)

    # -- the doors -------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        return self._feed.snapshot

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        return self._feed.events_after(seq, timeout=timeout)

    def submit(self, command: AnyCommand, id: str) -> bool:  # noqa: ARG002 nobody carries it out
        return False

    # -- the thread ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the first look. Raises ConsoleError, `ChainUnavailable`."""
        self._thread.start()
        self._seen.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End the thread; one that waits for a node is left behind."""
        self._stopping.set()
        self._thread.join(LEAVE_S)

    def _run(self) -> None:
        try:
            with looking(self._settings) as look:
                self._show(look)
                self._seen.set()
                self._prices.extendleft(reversed(_earlier_prices(look, self._prices[0][0])))
                while not self._stopping.wait(self._block_time):
                    self._look_again(look)
        except Exception as error:  # reported by whoever started it
            self._failure = error
            self._seen.set()

    def _look_again(self, look: Looking) -> None:
        try:
            self._show(look)
        except ChainUnavailable as error:
            self._feed.hold_attention("error", "chain", str(error))
            snapshot = self._feed.snapshot
            chain = replace(snapshot.chain, reachable=False, endpoints=look.endpoints)
            self._feed.publish(replace(snapshot, at=time.time(), chain=chain, attention=self._feed.attention))
        else:
            self._feed.settle("chain", "the chain answers again")

    def _show(self, looking: Looking) -> None:
        now, known, look = time.time(), self._feed.snapshot, looking()
        if look.block != known.chain.block:
            self._prices.append((look.block, look.rules.burn))
        chain = ChainView(
            endpoint=url_shown(self._settings.network),
            network=url_shown(self._settings.network),
            netuid=look.metagraph.netuid,
            reachable=True,
            block=look.block,
            block_at=now if look.block != known.chain.block else known.chain.block_at,
            block_time=self._block_time,
            tempo=look.rules.tempo,
            next_epoch=look.next_epoch,
            registration_cost=look.rules.burn,
            endpoints=looking.endpoints,
        )
        view = subnet_view(look, block_time=self._block_time, trend=tuple(self._prices))
        attention = self._feed.attention
        self._feed.publish(
            replace(known, at=now, chain=chain, metagraph=look.metagraph, subnet=view, attention=attention)
        )


class NothingRecorded:
    """The `RecordReader` of `watch`, which records nothing."""

    def _refused(self, *_asked: object) -> NoReturn:
        raise StoreError("watch records nothing")

    def round(self, id: str, steps: int = 0) -> NoReturn:
        self._refused(id, steps)

    def miner(self, netuid: int, hotkey: str, until: float = inf) -> NoReturn:
        self._refused(netuid, hotkey, until)

    def log(self, until: float) -> NoReturn:
        self._refused(until)

    def instants(self) -> NoReturn:
        self._refused()


def _earlier_prices(look: Looking, block: int) -> tuple[tuple[int, float], ...]:
    """Those before this block; none where the chain does not tell, which is no reason not to show the subnet."""
    try:
        return look.prices_before(block)
    except ChainUnavailable:
        return ()


def _block_time(settings: Settings) -> float:
    return settings.block_time if settings.embedded else BLOCK_TIME_S
