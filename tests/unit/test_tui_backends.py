"""Backends through the keyboard: how fast each is, what its server says of itself, and what nobody knows."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from console.present.text import text_of
from console.screens.backends import content
from console.screens.backends.content import BackendRow
from engine.commands import ResetPeaks
from engine.snapshot import BackendView, GpuView, ServerView
from tests.unit.tui_helpers import NARROW, NOW, WIDE, Orders, app_of, feed_of, screen_text, snapshot, toasts

BUSY = BackendView(
    name="vllm",
    place="http://10.0.0.2:8001/v1",
    model="Qwen2.5-14B-Instruct-AWQ",
    ready=True,
    first_p50_ms=212.0,
    first_p99_ms=1310.0,
    between_p50_ms=3.25,
    between_p99_ms=41.0,
    tokens_per_s=1234.5,
    tokens=61_902,
    running=12,
    waiting=3,
    kv_cache=0.71,
    prefix_cache=0.42,
    memory=20 << 30,
    peaks={"running": 31, "waiting": 9, "kv_cache": 0.97, "tokens_per_s": 2048.0, "first_s": 2.5},
    peaks_since=NOW - 300,
)
SILENT = BackendView(name="openai", model="tiny", why="http://10.0.0.3:8080/v1 cannot be reached: Connection refused")
A10 = GpuView(
    number=0,
    name="NVIDIA A10",
    use=0.87,
    memory_used=20 << 30,
    memory=24 << 30,
    celsius=61,
    peaks={"use": 1.0, "memory_used": 22 << 30, "celsius": 74},
)
SERVER = ServerView(
    backend="vllm, openai",
    ready=True,
    backends=(BUSY, SILENT),
    gpus=(A10, GpuView(number=1, name="NVIDIA GRID")),
    million_tokens_cost=0.8123,
)
MINER = snapshot(role="miner", miners=(), rounds=(), server=SERVER)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_server_leads_to_the_backends_and_their_numbers(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.press("5", "B")
        await pilot.pause()
        shown = screen_text(app)
        for said in (
            "[5 Server]",
            "a million tokens cost 0.81",
            *("● ready", "✗ not ready", "212ms", "1,234", "71%", "61 °C", "20.0 GiB"),
            *("p50 212ms  p99 1.3s  peak 2.5s", "p50 3.2ms  p99 41ms", "3  peak 9", "71%  peak 97%", "42% found"),
        ):
            assert said in shown
        await pilot.press("j")
        await pilot.pause()
        assert "cannot be reached" in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "● on" in screen_text(app) or "Callers" in screen_text(app)


async def test_160_by_48_shows_where_each_is_and_every_peak_of_a_gpu(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "B")
        await pilot.pause()
        shown = screen_text(app)
    for said in ("Qwen2.5-14B-Instruct-AWQ", "NVIDIA A10", "22.0 GiB", "74 °C", "24.0 GiB", "NVIDIA GRID"):
        assert said in shown


async def test_peaks_are_looked_for_anew(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "B", "0")
        await pilot.pause()
    assert [type(order) for order in orders.taken] == [ResetPeaks]


async def test_other_roles_have_none(tmp_path: Path) -> None:
    app = app_of(snapshot(role="validator"), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "B")
        await pilot.pause()
        assert "only a miner has backends" in " ".join(toasts(app))


async def test_what_is_unknown_is_a_dash_and_the_screen_lives_before_there_is_anything(tmp_path: Path) -> None:
    told = [text_of(one) for one in content.details(BackendRow(1, replace(SILENT, ready=True, why="")), NOW, 40)]
    assert [one for one in told if "KV" in one] == ["KV cache      -"]
    app = app_of(snapshot(role="miner", miners=(), rounds=(), server=None), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "B")
        await pilot.pause()
        assert "no backend yet" in screen_text(app)
        assert "no GPU known" in screen_text(app)
