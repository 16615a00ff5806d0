"""A miner whose store cannot be written: validators can still shake hands, and the operator is told."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.stories.console import Run, running, wait_until
from tests.stories.disk import fill
from tests.unit.miner_helpers import ALICE, Validator

pytestmark = pytest.mark.slow


def miner_on(folder: Path) -> tuple[str, ...]:
    where = ("--data-dir", str(folder), "--host", "127.0.0.1", "--port", "0")
    return ("--role", "miner", "--backend", "scripted", "--allow", ALICE.ss58_address, *where)


def address(folder: Path) -> tuple[str, int]:
    """Where the miner listens, once it says so."""
    status = folder / "status.json"

    def said() -> str:
        try:
            return str((json.loads(status.read_bytes()).get("server") or {}).get("address", ""))
        except (OSError, ValueError):
            return ""

    wait_until(lambda: bool(said()), "the miner's address is in status.json")
    host, _, port = said().rpartition(":")
    return host, int(port)


async def _shake_and_ask(at: tuple[str, int]) -> str:
    async with Validator(SimpleNamespace(address=at)) as alice:  # type: ignore[arg-type]
        assert (await alice.http.get("/availability")).json() == {"available": True}
        offer = await alice.offer()
        assert (await alice.exchange(offer)).json()["success"] is True
        assert (await alice.exchange(offer)).status_code == 400
        return await alice.ask("What is 41 plus 1?")


def let_in_while(no_writes: Callable[[], object], again: Callable[[], object], folder: Path, why: str) -> None:
    """Two handshakes while the store cannot be written, both reported; what is remembered is stored afterwards."""
    with running(*miner_on(folder)) as run:
        run.wait_for("started")
        at = address(folder)
        no_writes()
        assert [asyncio.run(_shake_and_ask(at)) for _ in range(2)] == ["42", "42"]
        wait_until(lambda: any(why in text for text in told(run)), f"an attention says that {why}")
        again()
        wait_until(lambda: any("can be written again" in text for text in told(run)), "an attention says it is over")
        assert asyncio.run(_shake_and_ask(at)) == "42"
    with sqlite3.connect(folder / "store.db") as store:
        assert store.execute("SELECT count(*) FROM nonces").fetchone() == (3,)


def told(run: Run) -> list[str]:
    return [event["text"] for event in run.named("attention") if event["subject"] == "handshakes"]


def test_a_store_that_another_process_holds(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    held: list[sqlite3.Connection] = []

    def hold() -> None:
        held.append(sqlite3.connect(folder / "store.db", isolation_level=None))
        held[0].execute("BEGIN IMMEDIATE")

    let_in_while(hold, lambda: held[0].close(), folder, "locked by another process")


def test_a_store_on_a_full_disk(small_disk: Path) -> None:
    filler = small_disk / "filler"
    let_in_while(lambda: fill(filler), filler.unlink, small_disk / "data", "no space left")
