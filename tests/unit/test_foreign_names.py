"""An operator arrives from another program of the field with unchanged files: what is taken, and what is reported."""

import json
import os
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.errors import ExitCode
from engine.chain.wallets import throwaway
from tests.unit.command_helpers import PATIENCE_S, environment, launch, shown


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is also where a command looks for `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


LOOSH_MINER = """
NETUID=1
SUBTENSOR_NETWORK=embedded
WALLET_NAME=miner
HOTKEY_NAME=miner
API_HOST=127.0.0.1
API_PORT=8000
LLM_BACKEND=vllm
DEFAULT_MODEL=Qwen/Qwen2.5-14B-Instruct
DEFAULT_MAX_TOKENS=12288
DEFAULT_TEMPERATURE=0.7
DEFAULT_TOP_P=0.95
MODEL_PATH=
OLLAMA_BASE_URL=http://gpu.example:11434
OLLAMA_TIMEOUT=300
VLLM_API_BASE=http://localhost:8001/v1
TENSOR_PARALLEL_SIZE=1
GPU_MEMORY_UTILIZATION=0.9
MAX_MODEL_LEN=32768
LOG_LEVEL=INFO
LOG_FILE=miner.log
FIBER_KEY_TTL_SECONDS=3600
FIBER_HANDSHAKE_TIMEOUT_SECONDS=30
FIBER_ENABLE_KEY_ROTATION=true
MAX_CONCURRENT_REQUESTS=10
ENABLE_VALIDATOR_WHITELIST=true
CHALLENGE_API_URL=https://challenge.loosh.ai
CHALLENGE_API_KEY=hush-hush
AXON_PORT=8089
VLLM_PORT=8001
VLLM_ENABLE_AUTO_TOOL_CHOICE=true
VLLM_TOOL_CALL_PARSER=hermes
VLLM_ENABLE_PREFIX_CACHING=true
VLLM_MAX_NUM_SEQS=64
VLLM_MAX_NUM_BATCHED_TOKENS=32768
HUGGINGFACE_HUB_CACHE=/workspace/hf
HF_HOME=/workspace/hf
HF_HUB_ENABLE_HF_TRANSFER=1
MINER_WORKDIR=/workspace
PYTHON_INTERPRETER=python3
WALLET_PATH=/workspace/.bittensor/wallets
UVICORN_KEEP_ALIVE=5
UVICORN_LIMIT_CONCURRENCY=50
UVICORN_LIMIT_MAX_REQUESTS=10000
TEST_MODE=true
"""

LOOSH_VALIDATOR = """
DB_PATH=validator.db
USERS_DB_PATH=users.db
CHALLENGE_API_URL=http://localhost:8080
CHALLENGE_API_KEY=api-key-0
TEST_MODE=false
LOG_LEVEL=CRITICAL
LLM_API_URL=
LLM_API_KEY=
LLM_MODEL=
AXON_IP=127.0.0.1
AXON_PORT=8099
AXON_EXTERNAL_IP=
AXON_EXTERNAL_PORT=
AXON_MAX_WORKERS=5
AXON_TIMEOUT=30
HEATMAP_UPLOAD_URL=
CHALLENGE_PUSH_API_KEY=
CHALLENGE_MODE=push
DB_BACKEND=mysql
DATABASE_URL=
MYSQL_HOST=localhost
REDIS_HOST=localhost
"""

TEMPLATE = """
SUBSTRATE_SIDECAR.ENTRYPOINT=wss://entrypoint-finney.opentensor.ai:443
SUBSTRATE_SIDECAR.NETUID=47
SUBSTRATE_SIDECAR.SYNC_NODE_INFO_INTERVAL=600
SUBSTRATE_SIDECAR.PORT=9001
WALLET.NAME=default
WALLET.HOTKEY=default
WALLET.PATH=/wallets
REDIS.HOST=localhost
MANAGING.EPOCH_INTERVAL=600
MANAGING.N_HISTORICAL_SCORES=10
VALIDATING.BATCH_SIZE=4
VALIDATING.SYNTHETIC_RATE_LIMIT_THRESHOLD=0.3
SCORING.PORT=9003
SYNTHESIZING.PORT=9004
PROTOCOL.TIMEOUT=12
WALLET.COLDKEY=mistaken
"""

AS_MINER = ("--role", "miner", "--backend", "scripted", "--port", "0", "--host", "127.0.0.1")


def states(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in found["names_of_others"]}


def assigned(env: str) -> set[str]:
    return {line.partition("=")[0] for line in env.splitlines() if line}


@pytest.mark.parametrize("env", [LOOSH_MINER, LOOSH_VALIDATOR, TEMPLATE])
def test_every_name_of_the_references_is_accounted_for(env: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text(env)
    found = shown(capsys, "--role", "miner")
    assert set(states(found)) == assigned(env)
    assert [name for name, state in states(found).items() if state == "unknown"] == (
        ["WALLET.COLDKEY"] if env is TEMPLATE else []
    )
    assert all(one["reason"] for one in found["names_of_others"] if one["state"] != "taken")
    assert "hush" not in json.dumps(found)
    assert main(["config", "show"]) == ExitCode.DONE
    text = capsys.readouterr().out
    assert all(re.search(rf"^{re.escape(name)}  .*\.env:\d+", text, re.MULTILINE) for name in assigned(env))
    assert "hush" not in text


@pytest.mark.parametrize(
    ("env", "arguments", "backend", "url"),
    [
        ("LLM_BACKEND=vllm", (), "vllm", "http://localhost:8001/v1"),
        ("LLM_BACKEND=ollama", (), "ollama", "http://gpu.example:11434/v1"),
        ("LLM_BACKEND=ollama\nOLLAMA_BASE_URL=", (), "ollama", ""),
        ("LLM_BACKEND=Ollama\nOLLAMA_BASE_URL=http://gpu.example/v1/", (), "ollama", "http://gpu.example/v1"),
        ("LLM_BACKEND=llamacpp", (), "openai", "http://localhost:8080/v1"),
        ("LLM_BACKEND=vllm", ("--backend", "ollama"), "ollama", "http://gpu.example:11434/v1"),
        ("LLM_BACKEND=ollama", ("--backend", "vllm"), "vllm", "http://localhost:8001/v1"),
        ("LLM_BACKEND=llamacpp", ("--backend", "llamacpp", "--model-path", "m.gguf"), "llamacpp", ""),
        ("LLM_BACKEND=llamacpp", ("--backend-url", "http://x/v1"), "openai", "http://x/v1"),
        ("LLM_BACKEND=llamacpp", ("--backend", "scripted"), "scripted", ""),
    ],
)
def test_each_backend_has_its_own_address(
    env: str, arguments: tuple[str, ...], backend: str, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(".env").write_text(LOOSH_MINER.replace("LLM_BACKEND=vllm\n", "") + env)
    found = shown(capsys, "--role", "miner", *arguments)
    assert (found["backend"]["value"], found["backend_url"]["value"]) == (backend, url)
    used = {"vllm": "VLLM_API_BASE", "ollama": "OLLAMA_BASE_URL"}.get(backend)
    for name in ("VLLM_API_BASE", "OLLAMA_BASE_URL"):
        assert states(found)[name] == ("taken" if name == used and url else "ignored")


def test_what_overrides_a_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("API_PORT=8000\nSUBTENSOR_NETWORK=test\nSUBTENSOR_ADDRESS=ws://127.0.0.1:9944\n")
    found = shown(capsys, "--role", "miner", "--port", "1")
    reasons = {one["name"]: (one["state"], one["reason"]) for one in found["names_of_others"]}
    assert reasons["API_PORT"] == ("overruled", "--port sets port")
    assert reasons["SUBTENSOR_NETWORK"] == ("overruled", ".env:3 SUBTENSOR_ADDRESS sets network")


@pytest.mark.parametrize("in_file", [True, False])
def test_a_section_in_json_is_taken_apart(
    in_file: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assigned = {
        "WALLET": '{"NAME": "a", "hotkey": "b", "coldkey": null}',
        "Substrate_Sidecar": '{"netuid": 7, "redis_keys": {"x": 1}}',
        "WALLET.NAME": "c",
        "VALIDATING": "{broken",
    }
    if in_file:
        Path(".env").write_text("".join(f"{name}={value}\n" for name, value in assigned.items()))
    else:
        for name, value in assigned.items():
            monkeypatch.setenv(name, value)
    found = shown(capsys)
    values = [found[name]["value"] for name in ("wallet_name", "wallet_hotkey", "netuid")]
    assert values == ["c", "b", 7]
    fates = states(found)
    assert fates["WALLET.hotkey"] == fates["Substrate_Sidecar.netuid"] == "taken"
    assert fates["Substrate_Sidecar.redis_keys"] == "ignored"
    assert fates.get("VALIDATING") == ("ignored" if in_file else None)
    assert "WALLET" not in fates


@pytest.mark.parametrize("form", ["${Q:-${A}}", "${Q-def}"])
def test_a_form_of_expansion_that_is_not_known_is_refused(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text(f"WALLET_NAME={form}\n")
    assert main(["config", "show"]) == ExitCode.USAGE
    assert f".env:1 WALLET_NAME: {form} is not supported: only ${{NAME}} and ${{NAME:-TEXT}}" in capsys.readouterr().err


def test_variables_that_any_program_may_use_are_not_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HOME", "DATABASE_URL", "REDIS_URL", "SHELL", "CHALLENGE_MODE", "WALLET.PATH", "wallet.nam"):
        monkeypatch.setenv(name, "/x")
    found = states(shown(capsys))
    assert {name: found[name] for name in ("CHALLENGE_MODE", "WALLET.PATH", "wallet.nam")} == {
        "CHALLENGE_MODE": "dead",
        "WALLET.PATH": "taken",
        "wallet.nam": "unknown",
    }
    assert found.keys().isdisjoint(("HF_HOME", "DATABASE_URL", "REDIS_URL", "SHELL"))


@pytest.mark.parametrize(
    ("level", "ours"),
    [("CRITICAL", "critical"), ("TRACE", "debug"), ("Success", "info"), ("WARN", "warning"), ("error", "error")],
)
def test_their_log_levels_are_legal(level: str, ours: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text(f"LOG_LEVEL={level}")
    assert shown(capsys)["log_level"]["value"] == ours


def test_variables_in_values_are_expanded(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BASE", "/base")
    Path(".env").write_text(
        "ROOM=${BASE}/room\nSUBNET_CONSOLE_WALLET_PATH=${ROOM}/w\nSUBNET_CONSOLE_MODEL_PATH=$HOME/m.gguf"
    )
    found = shown(capsys)
    assert found["wallet_path"]["value"] == "/base/room/w"
    assert found["model_path"]["value"] == os.environ["HOME"] + "/m.gguf"


def test_a_variable_that_is_not_set_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").write_text("\nWALLET.PATH=${NOBODY}/w")
    assert main(["config", "show"]) == ExitCode.USAGE
    assert ".env:2 WALLET.PATH: the variable NOBODY is not set" in capsys.readouterr().err


def test_a_fault_in_an_unused_value_stops_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(".env").write_text("MOTTO='it's\nELSEWHERE=${NOBODY}/w\nLOG_FILE='open\nNETUID=7")
    found = shown(capsys)
    assert found["netuid"]["value"] == 7
    assert {name: states(found)[name] for name in ("ELSEWHERE", "LOG_FILE")} == {
        "ELSEWHERE": "unknown",
        "LOG_FILE": "dead",
    }


def test_a_start_reports_what_became_of_every_name(folder: Path) -> None:
    (folder / ".env").write_text(LOOSH_MINER.replace("WALLET_NAME=miner\n", "") + "FOO=1\n")
    done = subprocess.run(
        launch("--challenges", "/dev/null"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(),
    )
    said = done.stderr.splitlines()
    for name in assigned(LOOSH_MINER) - {"WALLET_NAME"}:
        assert any(f" {name}: " in line for line in said), name
    assert any("unknown" in line and "FOO" in line for line in said)
    assert "hush" not in done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(event["event"] == "attention" and event["subject"] == "settings" for event in events)
    assert done.returncode == ExitCode.USAGE, "there is no challenge in /dev/null"


@pytest.mark.parametrize("coldkeypub", [None, "{address}", "{public}", "\ufeff{address}"])
def test_a_miner_starts_with_the_hotkey_of_a_server(coldkeypub: str | None, folder: Path) -> None:
    wallet = throwaway(folder / "wallets", "w")
    home = folder / "wallets" / "w"
    public = json.loads((home / "coldkeypub.txt").read_text())
    (home / "coldkey").unlink()
    (home / "coldkeypub.txt").unlink()
    if coldkeypub is not None:
        text = coldkeypub.format(address=public["ss58Address"], public=public["publicKey"])
        (home / "coldkeypub.txt").write_text(text)
    hotkey = home / "hotkeys" / "default"
    hotkey.write_text("\ufeff" + hotkey.read_text())
    running = subprocess.Popen(
        launch(*AS_MINER, "--wallet-name", "w", "--wallet-path", str(folder / "wallets")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    watchdog = threading.Timer(PATIENCE_S, running.kill)
    watchdog.start()
    assert running.stdout is not None
    events = (json.loads(line) for line in running.stdout)
    served = next((one for one in events if one["event"] == "service" and one["name"] == "miner server"), None)
    running.terminate()
    _, said = running.communicate(timeout=PATIENCE_S)
    watchdog.cancel()
    assert served is not None, said
    assert wallet.hotkey.ss58_address in said
    assert ("it has no coldkeypub.txt, so its balance is unknown" in said) == (coldkeypub is None)
    assert running.returncode == ExitCode.DONE
