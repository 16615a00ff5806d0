"""What the unit tests share."""

import pytest

from tests.unit.pilot import PatientPilot, no_guess


@pytest.fixture(autouse=True)
def patient_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.pilot.Pilot", PatientPilot)
    monkeypatch.setattr("textual.app.wait_for_idle", no_guess)
    # A message is not to be gone before a test on a busy machine has read it.
    monkeypatch.setattr("textual.app.App.NOTIFICATION_TIMEOUT", 600.0)
