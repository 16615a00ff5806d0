"""`attach` without a folder: which engines run here, and what each of them needs."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from msgspec.structs import replace

from console.attach import running_here
from console.errors import ConsoleError
from engine.locks import neuron_lock
from engine.node.heartbeat import STATUS_FILE
from engine.snapshot import Snapshot
from tests.unit.tui_helpers import attention, snapshot

PROCESSES = count(1_000_000)
"""Numbers of processes that each run one of them."""


@contextmanager
def running(folder: Path, hotkey: str, shown: Snapshot | None) -> Iterator[None]:
    """An engine that holds its neuron, and has written this status."""
    folder.mkdir()
    if shown is not None:
        (folder / STATUS_FILE).write_bytes(msgspec.json.encode(shown))
    with ExitStack() as held:
        with patch.object(os, "getpid", lambda: next(PROCESSES)):
            held.enter_context(neuron_lock(hotkey, 1, folder))
        yield


def fresh(**changes: object) -> Snapshot:
    return replace(snapshot(), at=time.time(), **changes)


def test_each_engine_is_named_with_the_way_to_it_and_what_it_needs_worst_first(tmp_path: Path) -> None:
    needs = (
        attention(1, level="error", text="the store is full"),
        *(attention(number) for number in range(2, 7)),
        attention(7, level="info", text="said for information"),
        attention(8, acknowledged=True, text="seen to"),
    )
    one, other = tmp_path / "it's one", tmp_path / "other"
    with running(one, "5One", fresh(attention=needs)), running(other, "5Other", fresh()):
        said = "\n".join(running_here())
    first, second = said.split("subnet-console attach --data-dir ")[1:]
    assert first.splitlines()[0] == f"'{tmp_path}/it'\"'\"'s one'"
    assert [line.strip() for line in first.splitlines()[2:]] == [
        "error: store: the store is full",
        "warning: store: trouble 6",
        "warning: store: trouble 5",
        "and 3 more",
    ]
    assert "validator on netuid 1 (embedded), process " in first
    assert second.splitlines()[0] == str(other)
    assert second.splitlines()[2].strip() == "needs no attention"


def test_an_engine_that_hangs_or_has_only_begun_is_not_called_well(tmp_path: Path) -> None:
    with (
        running(tmp_path / "hangs", "5Hangs", replace(snapshot(), at=time.time() - 120)),
        running(tmp_path / "begins", "5Begins", None),
    ):
        said = "\n".join(running_here())
    assert "error: silent for 2m" in said
    assert "still starting" in said
    assert "needs no attention" not in said


def test_what_foreign_text_a_status_holds_is_cleaned(tmp_path: Path) -> None:
    rude = fresh(attention=(attention(1, text="\x1b[2Jgone"),))
    with running(tmp_path / "rude", "5Rude", rude):
        assert "\x1b" not in "\n".join(running_here())


def test_no_engine_is_told_with_what_to_do_instead() -> None:
    with pytest.raises(ConsoleError, match=r"launch.*replay"):
        list(running_here())
