"""timing_data on its way: the miner answers it with its two stages, the validator sends and takes it."""

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.transport.callers import Callers
from engine.transport.timing import MOST_BYTES, timing_of, with_stages
from engine.transport.wire import Completion, challenge_json, completion_json, read_completion, read_request
from engine.values import Peer
from tests.unit.miner_helpers import ALICE, MINER, ObedientBackend, Validator, serving
from tests.unit.transport_helpers import challenge

RECEIVED = {"stage_name": "validator_receive", "start_timestamp": 1.5, "end_timestamp": 1.75, "elapsed_ms": 250.0}
TIMING = {
    "correlation_id": "c-1",
    "request_start_timestamp": 1.25,
    "request_start_datetime": "1970-01-01T00:00:01.250000",
    "stages": [RECEIVED],
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


async def test_the_miner_answers_with_the_record_and_its_two_stages() -> None:
    async with serving(ObedientBackend()) as server, Validator(server) as alice:
        await alice.shake()
        answer = alice.opened(await alice.send("hello", metadata={"timing_data": TIMING, "model": "other"}))
    assert answer["response_text"] == "heard hello"
    assert set(answer["metadata"]) == {"timing_data"}
    said = answer["metadata"]["timing_data"]
    assert {name: value for name, value in said.items() if name != "stages"} == {
        name: value for name, value in TIMING.items() if name != "stages"
    }
    first, inference, response = said["stages"]
    assert first == RECEIVED
    assert [inference["stage_name"], response["stage_name"]] == ["miner_inference", "miner_response"]
    for stage in (inference, response):
        took = (stage["end_timestamp"] - stage["start_timestamp"]) * 1000
        assert stage["elapsed_ms"] == pytest.approx(took, abs=0.01)
        assert datetime.fromisoformat(stage["start_datetime"]) <= datetime.fromisoformat(stage["end_datetime"])
    assert inference["end_timestamp"] == response["start_timestamp"]


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        7,
        "timing_data",
        {},
        {"timing_data": None},
        {"timing_data": [1]},
        {"timing_data": {"stages": "none"}},
        {"timing_data": {"stages": [], "huge": 2**80}},
        {"timing_data": {"stages": ["x" * 70_000]}},
    ],
)
async def test_other_metadata_is_ignored(metadata: Any) -> None:
    async with serving(ObedientBackend()) as server, Validator(server) as alice:
        await alice.shake()
        answer = alice.opened(await alice.send("hello", metadata=metadata))
    assert answer["response_text"] == "heard hello"
    assert "metadata" not in answer


async def test_our_validators_end_sends_the_record_and_takes_what_comes_back() -> None:
    asked = challenge()
    asked = replace(asked, request=replace(asked.request, timing=TIMING))
    async with serving(ObedientBackend()) as server:
        caller = Callers(ALICE, allow_private=True)
        peer = Peer(MINER.ss58_address, *server.address)
        answer = await caller.ask(peer, asked, timeout=20, max_bytes=100_000)
        await caller.close()
    assert answer.completion.timing is not None
    names = [stage["stage_name"] for stage in answer.completion.timing["stages"]]
    assert names == ["validator_receive", "miner_inference", "miner_response"]


def test_without_a_record_nothing_is_said_of_it() -> None:
    assert "metadata" not in json.loads(challenge_json(challenge()))
    assert "metadata" not in json.loads(completion_json(Completion(text="x")))


@given(json_values)
def test_whatever_comes_as_metadata_an_answer_is_read_and_continues(metadata: Any) -> None:
    said = {"response_text": "x", "metadata": {"timing_data": metadata}}
    completion = read_completion(json.dumps(said).encode())
    assert completion.text == "x"
    request = read_request(json.dumps({"prompt": "x", "metadata": metadata}).encode(), limit=100_000)
    for timing in (completion.timing, request.timing):
        if timing is not None:
            written = completion_json(Completion(text="x", timing=with_stages(timing, ("miner_inference", 1.0, 2.0))))
            assert len(written) < 2 * MOST_BYTES
            assert timing_of(json.loads(written)["metadata"]) is not None
