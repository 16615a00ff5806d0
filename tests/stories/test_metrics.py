"""Prometheus reads a miner beside its own port, and a validator, at the door that --metrics opens."""

import socket
import urllib.request
from pathlib import Path

import pytest

from tests.stories.console import Run, running, wait_until

pytestmark = pytest.mark.slow


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def numbers(port: str) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as page:
        lines = [line for line in page.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def opened(console: Run) -> None:
    """Wait until somebody listens at the door."""
    wait_until(lambda: any(event["name"] == "metrics" for event in console.named("service")), "the door is open")


def test_a_miner_tells_what_every_node_tells_and_what_its_own_port_does(tmp_path: Path) -> None:
    door, own = free_port(), free_port()
    miner = ("--role", "miner", "--backend", "scripted", "--host", "127.0.0.1", "--port", own)
    with running(*miner, "--data-dir", str(tmp_path), "--metrics", door) as console:
        opened(console)
        wait_until(lambda: numbers(door).get("neuron_registered") == 1, "registered")
        wait_until(lambda: numbers(own)["miner_ready"] == 1, "ready")
        service = 'neuron_service_running{service="metrics"}'
        wait_until(lambda: numbers(door).get(service) == 1, "it is in the Snapshot as well")
        told = numbers(door)
        assert told["miner_ready"] == 1
        assert not [name for name in told if name.startswith("validator_")]


def test_a_validators_rounds_and_weights_are_told(tmp_path: Path) -> None:
    door = free_port()
    with running("--data-dir", str(tmp_path), "--miners", "4", "--interval", "1", "--metrics", door) as console:
        opened(console)
        console.wait_for("round", 2)
        wait_until(lambda: numbers(door)["validator_rounds_total"] >= 2, "two rounds are told")
        console.wait_for("weights")
        wait_until(lambda: numbers(door)['validator_weight_windows_total{result="set"}'] >= 1, "a window is told")
        told = numbers(door)
        assert told['validator_answers_total{status="ok"}'] >= 4
        assert told["validator_judging_seconds_count"] >= 2
        assert len([name for name in told if name.startswith("validator_miner_ema")]) >= 3
