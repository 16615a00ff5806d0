"""Another program's `.env` file as a configuration file: what each line becomes, and what is never told."""

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli import main
from console.config_import import Import, read_import
from engine.settings import SettingsError

MINER = """\
# My rig in the cellar
NETUID=78          # the Loosh subnet
SUBTENSOR_NETWORK=finney
SUBTENSOR_ADDRESS=wss://entrypoint-finney.opentensor.ai:443
export WALLET_NAME="my wallet"
HOTKEY_NAME='cellar'

LLM_BACKEND=vllm
VLLM_API_BASE=http://localhost:8000/v1
API_PORT=8000
DEFAULT_MAX_TOKENS=12288
# CHALLENGE_API_KEY=the-old-key-1
CHALLENGE_API_KEY=the-new-key-2  # never show the-new-key-2
MAX_CONCURRENT_REQUESTS=10
MAX_CONCURRENT_REQUESTS=12
FOO=bar
"""


def taken(text: str, folder: Path, role: str | None = None) -> Import:
    path = folder / "their.env"
    path.write_text(text)
    return read_import(path, role)


def test_every_line_is_told_and_what_counts_is_written(tmp_path: Path) -> None:
    found = taken(MINER, tmp_path)
    assert tomllib.loads(found.toml) == {
        "role": "miner",
        "netuid": 78,
        "network": "wss://entrypoint-finney.opentensor.ai:443",
        "wallet_name": "my wallet",
        "wallet_hotkey": "cellar",
        "backend": "vllm",
        "backend_url": "http://localhost:8000/v1",
        "port": 8000,
        "max_concurrency": 12,
    }
    states = {(one.line, one.name): one.state for one in found.lines}
    assert [line for line, _ in states] == [*range(2, 7), *range(8, 12), *range(13, 17)]
    assert states[3, "SUBTENSOR_NETWORK"] == states[14, "MAX_CONCURRENT_REQUESTS"] == "overruled"
    assert states[11, "DEFAULT_MAX_TOKENS"] == "dead" and states[16, "FOO"] == "unknown"
    assert states[13, "CHALLENGE_API_KEY"] == "secret"
    assert [conflict.partition(":")[0] for conflict in found.conflicts][:2] == ["line 3", "line 14"]
    assert "port 8000 is both" in found.conflicts[2]


def test_comments_stay_where_they_were(tmp_path: Path) -> None:
    lines = taken(MINER, tmp_path).toml.splitlines()
    assert lines.index("# My rig in the cellar") < lines.index("# the Loosh subnet") == lines.index("netuid = 78") - 1


def test_no_secret_is_written_or_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "their.env"
    source.write_text(
        MINER
        + "# password: hunter2hunter2\n#HF_TOKEN=hf_abcdefgh\nAWS_SECRET_ACCESS_KEY=aws-secret-9\n"
        + "OLLAMA_BASE_URL=http://me:pass-word-3@10.0.0.2\nSUBNET_CONSOLE_NETWORK=wss://u:pass-word-4@node\n"
    )
    target = tmp_path / "ours.toml"
    assert main(["config", "import", str(source), "--config", str(target)]) == 0
    assert main(["config", "import", str(source), "--config", str(tmp_path / "two.toml"), "--json"]) == 0
    told = "".join(capfd.readouterr()) + target.read_text()
    secrets = ("the-old-key-1", "the-new-key-2", "hunter2", "hf_abc", "aws-secret-9", "pass-word")
    assert not [secret for secret in secrets if secret in told]
    assert "SUBNET_CONSOLE_CHALLENGE_API_KEY in the environment" in told and "cellar" in told
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "line",
    [
        "# the wallet's password is {}",
        '# curl -H "Authorization: Bearer {}" http://node/v1',
        '# {{"api_key": "{}"}}',
        "# postgres://loosh:{}@db/loosh",
        "#CHALLENGE_API_KEY = '{} and more'",
        "# seed phrase {} abandon abandon about",
        "# pw {}",
        "this is no assignment {}",
        "DATABASE_URL=mysql://u:{}@db/loosh",
        "HEATMAP_UPLOAD_URL=https://maps/?token={}",
        'REDIS={{"HOST": "h", "PASSWORD": "{}"}}',
        "SYNTHESIZING.API_KEY={}",
        "MNEMONIC='{} word word'",
        "VLLM_API_BASE=http://me:{}@10.0.0.2:8001/v1",
        "export HF_TOKEN={} # {}",
        'FOO="one\n{}"',
        "SUBTENSOR_ADDRESS=wss://node/?apikey={}",
    ],
)
def test_a_secret_stays_out_of_table_file_and_errors_in_any_form(
    line: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for canary in ("can4ry-Xq7RtZ9", "wordlike"):
        source, target = tmp_path / "their.env", tmp_path / f"{canary}.toml"
        source.write_text(f"NETUID=78 # subnet\n{line.replace('{}', canary).replace('{{', '{').replace('}}', '}')}\n")
        for options in ([], ["--json"]):
            assert main(["config", "import", str(source), "--config", str(target), *options]) in (0, 2)
            target.with_suffix(".once").write_text(target.read_text())
            target.unlink()
        told = "".join(capfd.readouterr()) + target.with_suffix(".once").read_text()
        assert "netuid = 78" in told and "# subnet" in told
        assert canary not in told.replace(str(target), "")


def test_a_line_that_is_no_assignment_is_told_and_comments_without_secrets_stay(tmp_path: Path) -> None:
    found = taken("\ufeffNETUID=1\nNETUID 2\n# 12288 max tokens for the hotkey on my GPU\n", tmp_path)
    assert [(one.line, one.state) for one in found.lines] == [(1, "taken"), (2, "unreadable")]
    assert "NETUID 2" not in found.toml
    assert "# 12288 max tokens for the hotkey on my GPU" in found.toml


def test_a_validator_and_the_template_are_told_by_their_names(tmp_path: Path) -> None:
    validator = taken("NETUID=78\nUSERS_DB_PATH=users.db\nAPI_PORT=8100\n", tmp_path)
    assert tomllib.loads(validator.toml) == {"role": "validator", "netuid": 78, "port": 8100}
    template = taken('WALLET={"NAME": "a", "HOTKEY": "b"}\nVALIDATING.BATCH_SIZE=4\nREDIS.HOST=redis\n', tmp_path)
    assert tomllib.loads(template.toml) == {
        "role": "validator", "wallet_name": "a", "wallet_hotkey": "b", "sample": 4,
    }  # fmt: skip
    assert {one.name: one.state for one in template.lines}["REDIS.HOST"] == "ignored"
    assert "role" not in tomllib.loads(taken("NETUID=1\n", tmp_path).toml)
    assert tomllib.loads(taken("NETUID=1\n", tmp_path, "miner").toml)["role"] == "miner"


def test_their_llamacpp_is_a_server(tmp_path: Path) -> None:
    found = tomllib.loads(taken("LLM_BACKEND=llamacpp\n", tmp_path).toml)
    assert (found["backend"], found["backend_url"]) == ("openai", "http://localhost:8080/v1")


def test_values_over_several_lines_and_broken_ones(tmp_path: Path) -> None:
    found = taken('FOO="one\n# two\nNETUID=3"\nNETUID=4 # behind\n', tmp_path)
    assert tomllib.loads(found.toml) == {"netuid": 4}
    assert "two" not in found.toml and "# behind" in found.toml
    with pytest.raises(SettingsError, match=r"(?s)their.env:1 NETUID: netuid must be.*their.env:2 API_PORT: port must"):
        taken("NETUID=many\nAPI_PORT=70000\n", tmp_path)
    with pytest.raises(SettingsError, match="1 SUBNET_CONSOLE_NETUIT: unknown setting; did you mean"):
        taken("SUBNET_CONSOLE_NETUIT=1\n", tmp_path)


def test_a_file_of_ours_is_never_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ours.toml").write_text("netuid = 5\n")
    (tmp_path / "their.env").write_text("NETUID=1\n")
    words = ["config", "import", str(tmp_path / "their.env"), "--config"]
    assert main([*words, str(tmp_path / "ours.toml")]) == 2
    assert "already exists and was not changed" in capfd.readouterr().err
    assert main(["config", "import", str(tmp_path / "none.env"), "--config", str(tmp_path / "b.toml")]) == 2
    assert "no such file" in capfd.readouterr().err and not (tmp_path / "b.toml").exists()
    assert main([*words, str(tmp_path / "c.toml"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["lines"][0]["setting"] == "netuid"


@given(st.text(max_size=200))
def test_whatever_a_file_holds_ours_is_toml_or_there_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.env"
    path.write_text(f"NETUID=7\n{text}\n", encoding="utf-8", errors="ignore")
    try:
        found = read_import(path)
    except SettingsError:
        return
    assert tomllib.loads(found.toml)["netuid"] == 7 or "netuid" in text.lower()
