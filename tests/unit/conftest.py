"""What the unit tests share."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from engine.node.thread import serving_loop
from tests.unit.pilot import PatientPilot, no_guess


@pytest.fixture(autouse=True)
def patient_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.pilot.Pilot", PatientPilot)
    monkeypatch.setattr("textual.app.wait_for_idle", no_guess)
    # A message is not to be gone before a test on a busy machine has read it.
    monkeypatch.setattr("textual.app.App.NOTIFICATION_TIMEOUT", 600.0)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The miner server's tests run on the loop that a miner has."""
    return {"the only": serving_loop if item.path.name.startswith("test_miner_") else asyncio.new_event_loop}
