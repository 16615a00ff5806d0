"""The demo subnet of a kind beyond text: honest work is paid and cheating is not."""

from pathlib import Path

import pytest

from tests.stories.console import PATIENCE_S, exported, running

pytestmark = pytest.mark.slow

HONEST = ("strong", "good", "slow", "weak")
CHEATS = ("lazy", "echo", "refusal", "garbage", "copycat", "clique")


@pytest.mark.parametrize("kind", ["tools"])
def test_a_demo_of_a_kind_pays_honest_work_and_no_cheat(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with running("--kind", kind, "--rounds", "6", "--seed", "7", "--interval", "1", "--data-dir", str(folder)) as run:
        assert run.wait(seconds=2 * PATIENCE_S) == 0, run.said()
    assert {event["kind"] for event in run.named("round")} == {kind}
    paid = {row["name"]: float(row["ema"] or 0) for row in exported("scores", folder) if row["name"]}
    honest = {name: ema for name, ema in paid.items() if name.rsplit("-", 1)[0] in HONEST}
    cheats = {name: ema for name, ema in paid.items() if name.rsplit("-", 1)[0] in CHEATS}
    assert len(honest) >= 6 and len(cheats) >= 8
    assert min(honest.values()) > max(cheats.values()), paid
    assert sum(cheats.values()) <= 0.05 * sum(paid.values()), paid
