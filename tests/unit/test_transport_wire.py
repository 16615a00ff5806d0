"""The clear JSON: what is sent, what is accepted, and that nothing unexpected gets through the reader."""

import json
import math
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.transport.errors import WireError, brief, misfit
from engine.transport.wire import (
    Completion,
    challenge_json,
    completion_json,
    load_json,
    read_completion,
    read_request,
)
from engine.values import Challenge, Request
from tests.unit.transport_helpers import challenge

LIMIT = 1 << 20
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"[1]", "object expected, got list"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": 1e999}', "not JSON"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b'{"a": 1} {}', "not JSON"),
        (b'{"a": ' + b"9" * 6000 + b"}", "not JSON"),
        (b'{"a":' + b"[" * 100_000, "nested deeper"),
        (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper than 64"),
    ],
)
def test_what_is_not_a_plain_json_object_is_malformed(raw: bytes, why: str) -> None:
    with pytest.raises(WireError, match=why) as caught:
        load_json(raw)
    assert caught.value.status == "malformed"


def test_size_and_depth_are_bounded_exactly() -> None:
    assert load_json(b'{"a":[{}]}', max_depth=3, max_bytes=10) == {"a": [{}]}
    assert load_json(b'{"a":[{"b":1}]}', max_depth=3) == {"a": [{"b": 1}]}
    with pytest.raises(WireError, match="deeper than 2"):
        load_json(b'{"a":[{}]}', max_depth=2)
    with pytest.raises(WireError) as caught:
        load_json(b'{"a":[{}]}', max_bytes=9)
    assert caught.value.status == "too_large"


@given(st.binary(max_size=200))
@example(b"\x00")
def test_any_bytes_are_an_object_or_a_wire_error(raw: bytes) -> None:
    try:
        assert isinstance(load_json(raw), dict)
    except WireError as error:
        assert error.reason.isprintable()


@settings(max_examples=50)
@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_what_json_writes_is_read_back_unless_it_holds_what_json_has_not(value: dict[str, Any]) -> None:
    raw = json.dumps(value).encode()
    try:
        loaded = load_json(raw)
    except WireError:
        assert b"NaN" in raw or b"Infinity" in raw or b"\\ud" in raw
    else:
        assert loaded == value


FIELDS = ("prompt", "messages", "tools", "tool_choice", "model", "max_tokens", "temperature", "top_p", "stop")


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
@example({"messages": [{"role": "user"}], "max_tokens": 10**30})
@example({"messages": [{"role": "user", "content": {"text": "x"}}]})
def test_a_request_that_is_read_is_sound(value: dict[str, Any]) -> None:
    try:
        request = read_request(json.dumps(value).encode(), limit=LIMIT)
    except WireError as error:
        assert error.status == "malformed"
        assert error.reason.isprintable()
    else:
        assert request.prompt or request.messages
        assert 1 <= request.max_tokens <= 1_000_000
        assert math.isfinite(request.temperature)
        assert 0 <= request.top_p <= 1
        assert isinstance(request.question, str)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(("response_text", "tool_calls", "finish_reason", "usage", "x")), JSON))
@example({"response_text": "x", "usage": {"total_tokens": True}, "tool_calls": None})
def test_a_completion_that_is_read_is_sound(value: dict[str, Any]) -> None:
    try:
        completion = read_completion(json.dumps(value).encode())
    except WireError as error:
        assert error.status == "malformed"
    else:
        assert completion.text == value["response_text"]
        assert all(isinstance(call, dict) for call in completion.tool_calls)
        assert all(type(count) is int and count >= 0 for count in completion.usage.values())


def test_a_challenge_goes_out_with_the_fields_of_the_facts_and_without_its_truth() -> None:
    asked = challenge("Seven?")
    raw = challenge_json(asked)
    assert json.loads(raw) == {
        "prompt": "Seven?",
        "messages": None,
        "tools": None,
        "tool_choice": None,
        "model": "",
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.95,
        "correlation_id": "c-1",
        "created_at": "1970-01-01T00:00:01",
    }
    assert read_request(raw, limit=LIMIT) == asked.request


def test_a_conversation_carries_its_last_user_message_as_prompt_too() -> None:
    messages = (
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "text", "text": "last"}]},
    )
    asked = Challenge(id="c", kind="chat", source="file", created_at=0.0, request=Request(messages=messages))
    sent = json.loads(challenge_json(asked))
    assert sent["prompt"] == "last"
    assert sent["messages"] == list(messages)
    assert read_request(challenge_json(asked), limit=LIMIT).messages == messages


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "neither prompt nor messages"),
        ({"prompt": "", "messages": []}, "neither prompt nor messages"),
        ({"prompt": "x", "max_tokens": 0}, r"max_tokens"),
        ({"prompt": "x", "max_tokens": "12"}, r"max_tokens: expected int \| null, got str"),
        ({"prompt": "x", "top_p": 1.5}, r"^malformed: top_p"),
        ({"prompt": "x", "temperature": -1}, r"^malformed: temperature"),
        ({"messages": [{"content": "x"}]}, r"messages\[0\] needs a role"),
        ({"messages": ["x"]}, r"^malformed: messages\[0\]"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": 1, "content": "x"}]}, r"messages\[1\] needs a role"),
        ({"messages": [{"role": "user", "content": 1}]}, r"messages\[0\] needs .* a text, a list or null as content"),
        ({"prompt": "x", "max_tokens": 1_000_001}, r"max_tokens"),
        ({"prompt": "x", "top_p": -0.1}, r"^malformed: top_p"),
        ({"prompt": "x", "temperature": 100.1}, r"^malformed: temperature"),
        ({"prompt": "x", "stop": ["x"] * 17}, r"^malformed: stop"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(body: dict[str, Any], why: str) -> None:
    with pytest.raises(WireError, match=why):
        read_request(json.dumps(body).encode(), limit=LIMIT)


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": 1, "temperature": 0.0, "top_p": 0.0, "stop": []},
        {"max_tokens": 1_000_000, "temperature": 100.0, "top_p": 1.0, "stop": ["x"] * 16},
    ],
)
def test_a_request_may_go_to_its_bounds(fields: dict[str, Any]) -> None:
    raw = json.dumps({"prompt": "x", **fields}).encode()
    assert read_request(raw, limit=len(raw)) == Request(prompt="x", **(fields | {"stop": tuple(fields["stop"])}))


def test_a_request_larger_than_the_limit_is_not_parsed() -> None:
    with pytest.raises(WireError) as caught:
        read_request(b"x" * 101, limit=100)
    assert caught.value.status == "too_large"


def test_missing_and_null_sampling_parameters_get_defaults_and_unknown_fields_go() -> None:
    raw = b'{"prompt": "x", "temperature": null, "top_p": 1, "stop": null, "stream": true, "n": 3}'
    assert read_request(raw, limit=LIMIT) == Request(prompt="x", top_p=1.0)


def test_what_the_reference_drops_on_the_wire_arrives() -> None:
    asked = Challenge(
        id="c",
        kind="chat",
        source="file",
        created_at=0.0,
        request=Request(prompt="x", model="m", response_format={"type": "json_object"}, stop=("END",), seed=3),
    )
    assert read_request(challenge_json(asked), limit=LIMIT) == asked.request
    assert read_request(b'{"prompt": "x", "stop": "END"}', limit=LIMIT).stop == ("END",)
    assert not {"response_format", "stop", "seed"} & json.loads(challenge_json(challenge())).keys()


def test_a_completion_survives_the_wire() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    sent = Completion(text="4\u202e2", tool_calls=(call,), finish_reason="tool_calls", usage=usage, ms=7)
    assert read_completion(completion_json(sent)) == sent
    assert json.loads(completion_json(Completion(text="")))["usage"] == dict.fromkeys(usage, 0)


@pytest.mark.parametrize("raw", [b"{}", b'{"response_text": null}', b'{"response_text": ["a"]}', b'{"text": "a"}'])
def test_an_answer_without_a_text_is_malformed(raw: bytes) -> None:
    with pytest.raises(WireError, match="response_text") as caught:
        read_completion(raw)
    assert caught.value.status == "malformed"


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**40])
def test_a_tool_call_with_an_integer_that_no_other_process_takes_is_malformed(number: int) -> None:
    calls = [{"function": {"name": "f", "arguments": {"deep": [number]}}}]
    with pytest.raises(WireError, match="more than 64 bits") as caught:
        read_completion(json.dumps({"response_text": "x", "tool_calls": calls}).encode())
    assert caught.value.status == "malformed"
    assert read_completion(json.dumps({"response_text": "x", "tool_calls": [{"n": 2**64 - 1}]}).encode()).tool_calls


def test_counts_go_from_nought_to_what_every_reader_of_json_holds() -> None:
    given = {"prompt_tokens": 0, "completion_tokens": 2**53 - 1, "total_tokens": 2**53}
    raw = json.dumps({"response_text": "x", "usage": given, "response_time_ms": 0}).encode()
    assert read_completion(raw).usage == {"prompt_tokens": 0, "completion_tokens": 2**53 - 1}


def test_what_a_miner_says_of_itself_is_dropped_when_it_makes_no_sense() -> None:
    raw = json.dumps({"response_text": "x", "usage": {"total_tokens": -4}, "response_time_ms": "soon"}).encode()
    assert read_completion(raw) == Completion(text="x")


class Whole(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(max_length=3)]
    inner: tuple[dict[str, int], ...] = ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({}, "name is missing"),
        ({"name": 7}, "name: expected str, got int"),
        ({"name": "long"}, "name: expected str of length <= 3"),
        ({"name": "x", "inner": [{}, {"a": None}]}, "inner[1][...]: expected int, got null"),
        (7, "expected object, got int"),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(said: object, told: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(said, Whole)
    assert misfit(caught.value) == told


@given(st.text())
def test_foreign_text_becomes_one_short_printable_line(text: str) -> None:
    cleaned = brief(text, 20)
    assert len(cleaned) <= 20
    assert cleaned.isprintable()


def test_a_whole_number_may_be_written_as_a_float() -> None:
    read = read_request(b'{"prompt": "1 + 1?", "max_tokens": 64.0, "seed": 7e0}', 1000)
    assert (read.max_tokens, read.seed) == (64, 7)
    with pytest.raises(WireError, match="max_tokens"):
        read_request(b'{"prompt": "1 + 1?", "max_tokens": 64.5}', 1000)
