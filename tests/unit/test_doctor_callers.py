"""A miner whose callers all come from one address is told that it cannot tell them apart."""

from pathlib import Path
from typing import Any

import pytest

from console.doctor.processes import callers
from console.findings import Result
from engine.snapshot import CallerView, ServerView, Snapshot
from tests.unit.doctor_helpers import case


def found(folder: Path, *hosts: str, **settings: Any) -> Result:
    """What is said of callers from these hosts, each with a hotkey of its own."""
    seen = [
        CallerView(hotkey=f"5V{number}", allowed=True, requests=1, ok=1, p50_ms=1.0, last_at=1.0, host=host)
        for number, host in enumerate(hosts)
    ]
    snapshot = Snapshot(at=1.0, version="1", role="miner", started_at=1.0, server=ServerView(callers=tuple(seen)))
    return callers(case(folder, role="miner", snapshot=snapshot, **settings))


def test_callers_of_one_address_are_reported_with_the_setting_that_helps(tmp_path: Path) -> None:
    result = found(tmp_path, "10.0.0.1", "10.0.0.1", "10.0.0.1")
    assert (result.state, result.text) == ("WARNING", "all 3 callers come from 10.0.0.1")
    assert 'trusted_proxies = ["10.0.0.1"]' in result.do


@pytest.mark.parametrize("trusted", [("10.0.0.1",), ("2001:db8::/32", "10.0.0.0/8")])
def test_a_trusted_proxy_that_names_nobody_is_reported(tmp_path: Path, trusted: tuple[str, ...]) -> None:
    result = found(tmp_path, "10.0.0.1", "10.0.0.1", trusted_proxies=trusted)
    assert result.state == "WARNING"
    assert "does not name its callers" in result.do


def test_callers_of_several_addresses_are_well(tmp_path: Path) -> None:
    result = found(tmp_path, "10.0.0.1", "10.0.0.2", "10.0.0.1", trusted_proxies=("10.0.0.9",))
    assert (result.state, result.text) == ("OK", "3 callers from 2 addresses")


def test_one_ipv6_network_is_one_address_as_it_is_for_the_rates(tmp_path: Path) -> None:
    result = found(tmp_path, "2001:db8::1", "2001:db8::2")
    assert (result.state, result.text) == ("WARNING", "all 2 callers come from 2001:db8::/64")
    assert 'trusted_proxies = ["2001:db8::/64"]' in result.do
    assert found(tmp_path, "2001:db8::1", "2001:db8:0:1::1").state == "OK"
    assert found(tmp_path, "10.0.0.1", "::ffff:10.0.0.1").text == "all 2 callers come from 10.0.0.1"


@pytest.mark.parametrize("hosts", [(), ("10.0.0.1",), ("", ""), ("", "10.0.0.1")])
def test_before_two_have_called_nobody_can_say(tmp_path: Path, hosts: tuple[str, ...]) -> None:
    assert found(tmp_path, *hosts).state == "SKIPPED"


def test_without_an_engine_or_a_miner_nobody_can_say(tmp_path: Path) -> None:
    assert callers(case(tmp_path, role="miner")).state == "SKIPPED"
    assert callers(case(tmp_path, role="validator")).state == "SKIPPED"
