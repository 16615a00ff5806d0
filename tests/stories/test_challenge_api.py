"""A Challenge API and the demo's validator as processes: what is posed to the one is answered by the other's miners."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.stories.console import Run, finished, running, wait_until

pytestmark = pytest.mark.slow

ROLE = ("--role", "challenge-api", "--host", "127.0.0.1", "--allow-private")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _question(number: int) -> dict[str, Any]:
    content = f"What is {number} plus {number}? Reply with the number alone."
    return {"id": f"challenge-{number}", "messages": [{"role": "user", "content": content}]}


def _serves(api: Run) -> bool:
    return any((one["name"], one["state"]) == ("Challenge API", "running") for one in api.named("service"))


def test_challenges_posed_to_our_api_are_answered_by_our_validator(tmp_path: Path) -> None:
    folder, at, pushed = tmp_path / "api", _free_port(), f"127.0.0.1:{_free_port()}"
    url = f"http://127.0.0.1:{at}"
    asked = (*ROLE, "--port", str(at), "--data-dir", str(folder))
    with running(*asked) as api:
        owner = api.wait_for("started")[0]["hotkey"]
        wait_until(lambda: _serves(api), "it serves")
        key = finished("keys", "add", "owner", "--data-dir", str(folder)).stdout.strip()
        http = httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60, trust_env=False)
        assert http.post("/challenge", json=_question(1)).status_code == 201
        assert http.get("/challenge/challenge-1").json()["status"] == "waiting"
    validating = ("--data-dir", str(tmp_path / "demo"), "--miners", "5", "--seed", "7", "--pushed", pushed)
    with running(*validating, "--pusher", owner, "--challenge-api", url) as validator:
        hotkey = validator.wait_for("started")[0]["hotkey"]
        validator.wait_for("round", 1)
        with running(*asked, "--validator", f"{hotkey}@{pushed}") as api:
            wait_until(lambda: _serves(api), "it serves")

            def told(number: int) -> dict[str, Any]:
                found: dict[str, Any] = http.get(f"/challenge/challenge-{number}", params={"wait": 30}).json()
                return found

            wait_until(lambda: told(1)["status"] == "answered", "the first process's challenge is answered")
            assert told(1)["validator_hotkey"] == hotkey
            for number in (20, 21, 22):
                assert http.post("/challenge", json=_question(number)).status_code == 201
                found = told(number)
                assert found["answer"]["text"], json.dumps(found)
    http.close()
