"""An operator arrives from another program of the field with unchanged files: what is taken, and what is reported."""

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.config import shown as shown_settings
from console.errors import ExitCode
from engine.chain.wallets import throwaway
from engine.settings import configure

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0

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


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which the operator's `.env` lies."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["config", "show", "--json", *arguments]) == ExitCode.DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def launch(*words: str) -> list[str]:
    usual = ("launch", "--no-ui", "--role", "validator", "--encoder", "bow", "--data-dir", "d")
    return [sys.executable, "-m", "console", *usual, *words]


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


def test_what_goes_before_a_name_is_named(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_environment_is_not_told_of_what_any_program_has_there(
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


def test_what_is_wrong_with_a_value_that_counts_for_nothing_stops_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(".env").write_text("MOTTO='it's\nELSEWHERE=${NOBODY}/w\nLOG_FILE='open\nNETUID=7")
    found = shown(capsys)
    assert found["netuid"]["value"] == 7
    assert {name: states(found)[name] for name in ("ELSEWHERE", "LOG_FILE")} == {
        "ELSEWHERE": "unknown",
        "LOG_FILE": "dead",
    }


def test_a_folder_called_dotenv_is_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path(".env").mkdir()
    assert shown(capsys)["netuid"]["value"] == 1


def test_files_may_begin_with_a_byte_order_mark(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = "\ufeff"
    Path("c.toml").write_text(mark + "netuid = 7\n", encoding="utf-8")
    assert shown(capsys, "--config", "c.toml")["netuid"]["value"] == 7
    keymap = own_home / ".config/subnet-console/keymap.toml"
    keymap.parent.mkdir(parents=True)
    keymap.write_text(mark + "", encoding="utf-8")
    assert main(["doctor", "--json"]) in (ExitCode.DONE, ExitCode.USAGE)
    results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
    assert results["keymap"]["state"] == "OK"
    line = {"id": "1", "prompt": "2+2?", "replies": [{"uid": 1, "hotkey": "5a", "text": "4", "ms": 5}]}
    Path("rounds.jsonl").write_text(mark + json.dumps(line) + "\n", encoding="utf-8")
    Path("probes.jsonl").write_text(
        mark + json.dumps({"id": "1", "answer_type": "number", "truth": "4"}) + "\n", encoding="utf-8"
    )
    assert main(["judge", "rounds.jsonl", "--probes", "probes.jsonl", "--embedder", "bow"]) == ExitCode.DONE
    assert json.loads(capsys.readouterr().out)["id"] == "1"


def test_a_start_says_what_became_of_every_name(folder: Path) -> None:
    (folder / ".env").write_text(LOOSH_MINER.replace("WALLET_NAME=miner\n", "") + "FOO=1\n")
    done = subprocess.run(
        launch("--challenges", "/dev/null"),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    said = done.stderr.splitlines()
    for name in assigned(LOOSH_MINER) - {"WALLET_NAME"}:
        assert any(f" {name}: " in line for line in said), name
    assert any("unknown" in line and "FOO" in line for line in said)
    assert "hush" not in done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(event["event"] == "attention" and event["subject"] == "settings" for event in events)
    assert done.returncode == ExitCode.USAGE, "there is no challenge in /dev/null"


FILES = [
    ("config", ("config", "show", "--config", "{}")),
    ("rounds", ("judge", "{}", "--embedder", "bow")),
    ("probes", ("judge", "/dev/null", "--probes", "{}", "--embedder", "bow")),
]


@pytest.mark.parametrize(("what", "words"), FILES)
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_only_regular_files_are_read(
    what: str, words: tuple[str, ...], kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "special"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    codes: list[int] = []
    reader = threading.Thread(target=lambda: codes.append(main([word.format(path) for word in words])), daemon=True)
    reader.start()
    reader.join(PATIENCE_S)
    assert codes == [ExitCode.USAGE], f"{what} from a {kind}"
    error = capsys.readouterr().err
    assert str(path) in error
    assert f"it is a {'pipe' if kind == 'fifo' else 'device'}, not a regular file" in error


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_a_run_refuses_challenges_that_are_not_in_a_regular_file(kind: str, folder: Path) -> None:
    path = folder / "special"
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    done = subprocess.run(
        launch("--challenges", str(path)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == ExitCode.USAGE
    assert f"cannot read the challenges in {path}: it is a " in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("launch", "--data-dir", ""),
        ("launch", "--host", ""),
        ("launch", "--wallet-path", ""),
        ("launch", "--wallet-name", ""),
        ("launch", "--challenges", ""),
        ("launch", "--model-path", ""),
        ("config", "show", "--config", ""),
        ("config", "init", "--config", ""),
        ("judge", ""),
        ("judge", "/dev/null", "--probes", ""),
        ("replay", ""),
        ("status", "--data-dir", ""),
        ("export", "rounds", "--out", ""),
        ("export", "rounds", "--data-dir", " "),
    ],
)
def test_nothing_is_not_the_current_folder(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(list(words)) == ExitCode.USAGE
    assert "empty" in capsys.readouterr().err or " " in words
    assert not list(folder.iterdir())


def test_an_empty_path_in_a_file_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.toml").write_text('data_dir = ""\n')
    assert main(["config", "show", "--config", "c.toml"]) == ExitCode.USAGE
    assert "c.toml:1: data_dir must be a path, not ''" in capsys.readouterr().err


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
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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


@pytest.mark.parametrize(
    ("url", "shown_as"),
    [
        ("http://user:pa55w0rd@h:1/v1", "http://user:******@h:1/v1"),
        ("http://user:pw@h/v1", "http://user:******@h/v1"),
        ("http://tokentoken@h/v1", "http://******@h/v1"),
        ("http://user:pa@55@h/v1", "http://user:******@h/v1"),
        ("http://user:pa/ss@h/v1", "http://user:******@h/v1"),
        ("http://user:pa%2Fss?w#rd@h/v1", "http://user:******@h/v1"),
        ("http://h/v1?api_key=s3cr3t&x=1", "http://h/v1?api_key=******&x=1"),
        ("http://h/v1?x=1&Access-Token=s3cr3t#sig=zz", "http://h/v1?x=1&Access-Token=******#sig=******"),
        ("http://h:8000/v1/model@2?x=1", "http://h:8000/v1/model@2?x=1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ],
)
@pytest.mark.parametrize("name", ["backend_url", "encoder_url", "network"])
def test_no_password_in_a_url_is_shown(name: str, url: str, shown_as: str, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "network":
        url, shown_as = url.replace("http://", "wss://"), shown_as.replace("http://", "wss://")
    flag = "--" + name.replace("_", "-")
    if name == "network" and "pa/ss" in url:  # "pa" would be the port: no address of a node
        assert main(["config", "show", flag, url]) == ExitCode.USAGE
        assert f"not '{shown_as}'" in capsys.readouterr().err
        return
    assert shown(capsys, "--role", "miner", flag, url)[name]["value"] == shown_as
    Path("c.toml").write_text(f"{name} = {json.dumps(url)}\n")
    assert main(["config", "show", "--role", "miner", "--config", "c.toml"]) == ExitCode.DONE
    assert f'"{shown_as}"' in capsys.readouterr().out
    configuration = configure({}, config=Path("c.toml"), environ={})
    assert next(row.value for row in shown_settings(configuration) if row.name == name) == f'"{shown_as}"'
    main(["doctor", "--role", "miner", "--backend", "openai", flag, url])
    out, err = capsys.readouterr()
    assert url not in out + err or url == shown_as
    assert main(["config", "show", flag, f" {url} "]) == ExitCode.USAGE
    assert url == shown_as or url not in capsys.readouterr().err


def test_a_fifo_in_place_of_the_keymap_or_a_hotkey_holds_nobody_up(
    own_home: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keymap = own_home / ".config/subnet-console/keymap.toml"
    hotkey = folder / "wallets" / "w" / "hotkeys" / "default"
    for path in (keymap, hotkey):
        path.parent.mkdir(parents=True)
        os.mkfifo(path)
    words = ["doctor", "--json", "--wallet-name", "w", "--wallet-path", "wallets", "--network", "embedded"]
    codes: list[int] = []
    looking = threading.Thread(target=lambda: codes.append(main([*words, "--role", "miner"])), daemon=True)
    looking.start()
    looking.join(PATIENCE_S)
    assert codes == [ExitCode.USAGE]
    results = {one["name"]: one for one in json.loads(capsys.readouterr().out)["results"]}
    assert "it is a pipe, not a regular file" in results["keymap"]["text"]
    assert "a pipe lies in its place" in results["wallet"]["text"]
