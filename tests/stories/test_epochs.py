"""A validator's epochs at two nodes that fail, with kill -9: a few of them; `python -m tests.epochs` has the rest."""

from pathlib import Path

import pytest

from tests.epochs.run import Run

pytestmark = pytest.mark.slow


async def test_each_window_has_its_weights_once_whatever_fails_and_dies(tmp_path: Path) -> None:
    verdict = await Run(tmp_path, seed=6).epochs(2)
    assert verdict.good, str(verdict)
    assert verdict.windows == 2
