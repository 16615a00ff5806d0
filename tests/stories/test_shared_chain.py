"""A miner and a validator in processes of their own, which meet on one embedded chain."""

import json
import socket
from pathlib import Path

import pytest

from tests.stories.console import finished, running, wait_until

pytestmark = pytest.mark.slow


def test_a_validator_pays_a_miner_of_another_process_and_both_see_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    chain = ("--network", f"embedded:{tmp_path / 'subnet'}")
    serves = ("--role", "miner", "--host", "127.0.0.1", "--port", port, "--backend", "scripted")
    judges = (
        "--role",
        "validator",
        "--allow-private",
        "--interval",
        "0.5",
        "--encoder",
        "hashing",
        "--kind",
        "arithmetic",
    )
    with (
        running(*serves, *chain, "--data-dir", str(tmp_path / "miner"), SUBNET_CONSOLE_BLOCK_TIME="0.05") as miner,
        running(
            *judges, *chain, "--data-dir", str(tmp_path / "validator"), SUBNET_CONSOLE_BLOCK_TIME="0.05"
        ) as validator,
    ):

        def seen_by(role: str, *what: str) -> list[dict[str, object]]:
            """What `chain …` shows to this role, beside its engine."""
            done = finished("chain", *what, *chain, "--role", role, "--data-dir", str(tmp_path / role), "--json")
            assert done.returncode == 0, done.stderr
            found = json.loads(done.stdout)
            return list(found["neurons"]) if "neurons" in found else [found]

        def runs() -> bool:
            assert miner.process.poll() is None, miner.said()
            assert validator.process.poll() is None, validator.said()
            return True

        def outcomes(event: str, field: str) -> set[object]:
            return {one[field] for one in validator.named(event)}

        wait_until(lambda: runs() and 1 in outcomes("round", "answered"), "a round is answered")
        wait_until(lambda: runs() and "ok" in outcomes("weights", "outcome"), "weights are set")
        miners_uid = next(one["uid"] for one in seen_by("miner", "metagraph") if one["axon"] == f"127.0.0.1:{port}")
        [own] = seen_by("validator", "neuron")
        assert list(own["weights"]) == [str(miners_uid)]  # type: ignore[call-overload]
        wait_until(lambda: runs() and seen_by("miner", "neuron")[0]["incentive"] == 1.0, "the miner is paid for it")
