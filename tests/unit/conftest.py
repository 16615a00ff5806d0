"""What the unit tests share."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.node.thread import serving_loop
from tests.unit.pilot import PatientPilot, no_guess

if TYPE_CHECKING:
    from tests.unit.doctor_seeds import Host
    from tests.unit.model_server_helpers import ModelServer


@pytest.fixture(autouse=True)
def patient_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.pilot.Pilot", PatientPilot)
    monkeypatch.setattr("textual.app.wait_for_idle", no_guess)
    # A message is not to be gone before a test on a busy machine has read it.
    monkeypatch.setattr("textual.app.App.NOTIFICATION_TIMEOUT", 600.0)


@pytest.fixture(scope="session")
def served() -> "Iterator[ModelServer]":
    """A model server for the doctor's hosts, which set what it says anew."""
    from tests.unit.model_server_helpers import model_server

    with model_server() as server:
        yield server


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: "ModelServer") -> "Iterator[Host]":
    """A machine on which all is well, for the doctor."""
    from tests.unit.doctor_seeds import a_host

    with a_host(tmp_path, monkeypatch, served) as host:
        yield host


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The miner server's tests run on the loop that a miner has."""
    return {"the only": serving_loop if item.path.name.startswith("test_miner_") else asyncio.new_event_loop}
