"""Replies as servers really send them (tests/data/backend-replies), and as none would."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import foreign_json
from engine.transport.wire import Completion, completion_json, read_completion
from miner_server.backends.chunks import Chunks
from miner_server.backends.failures import failure, quoted, read_body
from miner_server.backends.models import NoModelsError, choose
from miner_server.backends.replies import Told, read_chat, read_json, read_plain, read_told
from miner_server.errors import BackendError, BackendUnavailable, NoAnswer, OutOfRoom, RequestTooLong, RequestUnfit
from tests.unit.effort import effort

FOLDER = Path(__file__).parents[1] / "data" / "backend-replies"

USAGE = {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13}


def recorded(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def read_reply(raw: bytes, *, max_tokens: int = 2**31, reasoning_is_answer: bool = False) -> Completion:
    """The answer in the body of a 200."""
    return read_told(read_json(raw), max_tokens=max_tokens, reasoning_is_answer=reasoning_is_answer).completion


def answer(message: Any, **choice: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, **choice}]}).encode()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bom.200.json", "42"),
        ("content-parts.200.json", "42"),
        ("finish-reason-object.200.json", "42"),
        ("nan-logprob.200.json", "42"),
        ("sse-though-not-asked.200.txt", "42"),
        ("lone-surrogate.200.json", "42 \N{REPLACEMENT CHARACTER}"),
        ("invalid-utf8.200.json", "42 你\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_an_answer_is_read_in_whatever_form_it_comes(name: str, text: str) -> None:
    completion = read_reply(recorded(name))
    assert (completion.text, completion.finish_reason, completion.tool_calls) == (text, "stop", ())


@pytest.mark.parametrize("name", ["reasoning-only.200.json", "reasoning-new-name.200.json"])
def test_reasoning_alone_is_not_an_empty_answer(name: str) -> None:
    with pytest.raises(NoAnswer, match=r"reasoning and no answer.*reasoning_is_answer"):
        read_reply(recorded(name))
    assert read_reply(recorded(name), reasoning_is_answer=True).text == "It is 42."
    blank = answer({"content": " \n", "reasoning": "It is 42."})
    assert read_reply(blank, reasoning_is_answer=True).text == "It is 42."


PLAIN = {
    "id": "1",
    "model": "one",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": " 42"}, "finish_reason": "length"}],
    "usage": USAGE,
}


def test_a_plain_reply_is_read_at_once() -> None:
    completion = Completion(
        text=" 42", finish_reason="length", usage=USAGE | {"completion_tokens": 5, "total_tokens": 9}
    )
    assert read_plain(json.dumps(PLAIN).encode(), max_tokens=5) == Told(completion, "one", None)


NOTHING: st.SearchStrategy[object] = st.sampled_from([None, "", [], {}])
COUNTS = st.one_of(st.integers(-1, 40), st.floats(0, 9), st.none(), st.text(max_size=2))
MESSAGES = st.fixed_dictionaries(
    {"content": st.sampled_from(["42", " ", "", None, ["42"], {"text": "42"}])},
    optional={
        "refusal": st.sampled_from([None, "No."]),
        "tool_calls": st.one_of(NOTHING, st.just([{"function": {"name": "look", "arguments": "{}"}}])),
        "function_call": st.one_of(NOTHING, st.just({"name": "look", "arguments": "{}"})),
        "reasoning": st.just("Hm."),
    },
)
CHOICES = st.fixed_dictionaries(
    {"message": MESSAGES},
    optional={
        "index": st.integers(0, 1),
        "finish_reason": st.sampled_from([None, "stop", "length", "weary", {"type": "stop"}]),
        "logprobs": st.one_of(NOTHING, st.just({"content": [{"token": "42", "logprob": -0.5}]})),
        "delta": st.one_of(NOTHING, st.just({"content": "43"})),
        "error": st.one_of(NOTHING, st.just({"message": "no"})),
        "text": st.just("43"),
    },
)
REPLIES = st.fixed_dictionaries(
    {"choices": st.one_of(st.lists(CHOICES, max_size=2), CHOICES)},
    optional={
        "model": st.sampled_from([None, "one", 1]),
        "usage": st.one_of(NOTHING, st.dictionaries(st.sampled_from([*USAGE, "other"]), COUNTS)),
        "timings": st.one_of(NOTHING, st.just({"prompt_ms": 3})),
        "error": st.one_of(NOTHING, st.just({"message": "no"})),
    },
)


@given(REPLIES, st.integers(1, 20))
def test_a_plain_reply_tells_what_it_would_in_any_form(reply: object, max_tokens: int) -> None:
    raw = json.dumps(reply).encode()
    plain = read_plain(raw, max_tokens=max_tokens)
    assert plain is None or plain == read_told(read_json(raw), max_tokens=max_tokens)


def test_reasoning_beside_an_answer_stays_out_of_it() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = answer({"content": [thinking, {"type": "text", "text": "42"}]})
    beside = answer({"content": "42", "reasoning_content": "Hm."})
    for raw in (parts, beside):
        assert read_reply(raw, reasoning_is_answer=True).text == "42"
    with pytest.raises(NoAnswer):
        read_reply(answer({"content": [thinking]}))
    assert read_reply(answer({"content": [thinking]}), reasoning_is_answer=True).text == "Hm."


def test_a_legacy_function_call_is_a_tool_call() -> None:
    completion = read_reply(recorded("legacy-function-call.200.json"))
    assert completion.tool_calls == (
        {"id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}},
    )
    assert (completion.text, completion.finish_reason, completion.usage) == ("", "tool_calls", USAGE)


def test_tool_calls_have_the_form_that_validators_know() -> None:
    calls = [
        {"function": {"name": "with_an_object", "arguments": {"city": "Oslo"}}},
        {"id": "a", "type": "function", "function": {"name": "without", "arguments": None}, "index": 3},
        {"id": "b", "function": {"arguments": "{}"}},
        "nonsense",
    ]
    assert read_reply(answer({"content": None, "tool_calls": calls})).tool_calls == (
        {"id": "call_0", "type": "function", "function": {"name": "with_an_object", "arguments": '{"city": "Oslo"}'}},
        {"id": "a", "type": "function", "function": {"name": "without", "arguments": "{}"}},
    )


def test_an_error_inside_a_200_is_a_failure() -> None:
    with pytest.raises(RequestUnfit, match="takes no pictures"):
        read_reply(recorded("error-in-200.json"))
    with pytest.raises(BackendUnavailable, match="try later"):
        read_reply(b'{"error": {"message": "try later", "code": 429}}')
    with pytest.raises(BackendError, match="upstream"):
        read_reply(b'{"choices": [{"message": {"content": "4"}, "error": {"message": "upstream broke"}}]}')
    assert read_reply(b'{"choices": [{"message": {"content": "4"}}], "error": null}').text == "4"


@pytest.mark.parametrize(
    ("message", "choice", "text"),
    [
        ({"content": None, "refusal": "I cannot help with that."}, {}, "I cannot help with that."),
        ({"content": " \n", "refusal": "I cannot help with that."}, {}, "I cannot help with that."),
        ({"content": ["4", "2"]}, {}, "42"),
        ({}, {"delta": {"content": "42"}}, "42"),
        ({"role": "assistant", "content": ""}, {"delta": {"content": "42"}}, "42"),
        ({"content": {"type": "text", "text": {"value": "42"}}}, {}, "42"),
        (None, {"text": "42"}, "42"),
        ({"role": "assistant", "content": None}, {}, ""),
        ({"role": "assistant", "content": ""}, {}, ""),
        ({"content": [{"type": "thinking", "thinking": ""}]}, {}, ""),
    ],
)
def test_where_else_an_answer_may_stand(message: Any, choice: dict[str, Any], text: str) -> None:
    assert read_reply(answer(message, **choice)).text == text


@pytest.mark.parametrize(
    ("given_reason", "read"),
    [
        *((reason, reason) for reason in ("stop", "length", "tool_calls", "content_filter", "function_call")),
        ({"type": "length"}, "length"),
        ({"type": "eos"}, "stop"),
        ("skLiveThrowawayKey", "stop"),
        *((other, "stop") for other in (None, 7, "x" * 99, "a b", ["length"])),
    ],
)
def test_a_finish_reason_is_one_of_openais(given_reason: Any, read: str) -> None:
    assert read_reply(answer({"content": "4"}, finish_reason=given_reason)).finish_reason == read


def test_counts_are_whole_numbers_of_a_size() -> None:
    usage = {"prompt_tokens": 4.0, "completion_tokens": -1, "total_tokens": 10**400}
    raw = json.dumps({"choices": [{"message": {"content": "4"}}], "usage": usage}).encode()
    assert read_reply(raw).usage == {"prompt_tokens": 4}


def test_what_a_page_in_place_of_an_answer_says_is_reported() -> None:
    with pytest.raises(BackendError, match="cannot be read as JSON: <html>502 Bad Gateway"):
        read_reply(b"<html>502 Bad Gateway</html>")


def test_events_are_put_together_however_their_lines_end() -> None:
    events = (
        ': comment\r\ndata: {"choices": [{"delta":\r\ndata: {"content": "4"}}]}\r\n\r\n'
        'event: chunk\rdata:{"choices": [{"delta": {"content": "2"}, "finish_reason": "length"}]}\r\r'
        'data: {"choices": [], "usage": {"completion_tokens": 2}}\n\ndata: [DONE]'
    )
    completion = read_reply(events.encode())
    assert (completion.text, completion.finish_reason, completion.usage) == ("42", "length", {"completion_tokens": 2})
    with pytest.raises(BackendError, match="it broke"):
        read_reply(b'data: {"choices": [{"delta": {"content": "4"}}]}\n\ndata: {"error": {"message": "it broke"}}\n\n')
    with pytest.raises(BackendError, match="no choice"):
        read_reply(b'data: {"usage": {}}\n\n')


@pytest.mark.parametrize("place", ["chunk", "choice"])
def test_an_error_in_a_stream_is_a_failure_whatever_follows(place: str) -> None:
    error = {"error": {"message": "no room", "code": 503}}
    said = {"choices": [{"delta": {"content": "4"}}]}
    for order in (0, 1, 2):
        chunks = Chunks()
        events: list[dict[str, Any]] = [said, said]
        events.insert(order, error if place == "chunk" else {"choices": [error]})
        for event in events:
            chunks.add(event)
        with pytest.raises(BackendUnavailable, match="no room"):
            read_chat(chunks.reply())


def test_pieces_of_a_tool_call_are_put_together() -> None:
    chunks = Chunks()
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": '{"ci'}},
        {"index": 0, "function": {"arguments": 'ty": "Oslo"}'}},
        {"index": 1, "id": "call-2", "type": "function", "function": {"name": "end", "arguments": "{}"}},
        {"id": "call-3", "function": {"name": "third", "arguments": "{"}},
        {"function": {"arguments": "}"}},
    ]
    for piece in pieces:
        chunks.add({"choices": [{"delta": {"content": None, "tool_calls": [piece]}}]})
    assert read_chat(chunks.reply()).tool_calls == (
        {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Oslo"}'}},
        {"id": "call-2", "type": "function", "function": {"name": "end", "arguments": "{}"}},
        {"id": "call-3", "type": "function", "function": {"name": "third", "arguments": "{}"}},
    )


def test_a_first_piece_without_index_is_of_the_first_call() -> None:
    chunks = Chunks()
    for piece in (
        {"function": {"name": "look_up", "arguments": "{"}},
        {"index": 1, "function": {"name": "end", "arguments": "{}"}},
        {"index": 0, "function": {"arguments": "}"}},
    ):
        chunks.add({"choices": [{"delta": {"tool_calls": [piece]}}]})
    called = [call["function"] for call in read_chat(chunks.reply()).tool_calls]
    assert called == [{"name": "look_up", "arguments": "{}"}, {"name": "end", "arguments": "{}"}]


def test_a_streamed_function_call_and_streamed_reasoning_are_put_together() -> None:
    chunks = Chunks()
    for delta in ({"reasoning_content": "It "}, {"reasoning": "is 42."}):
        chunks.add({"choices": [{"delta": delta}]})
    assert read_chat(chunks.reply(), reasoning_is_answer=True).text == "It is 42."
    for call in ({"name": "f", "arguments": "{"}, {"arguments": "}"}):
        chunks.add({"choices": [{"delta": {"function_call": call}}]})
    (called,) = read_chat(chunks.reply()).tool_calls
    assert called["function"] == {"name": "f", "arguments": "{}"}


def events(*values: Any, between: str = "\n\n", end: str = "data: [DONE]\n\n", head: str = "data: ") -> bytes:
    return (between.join(head + json.dumps(value) for value in values) + between + end).encode()


def delta(content: str | None = None, *, finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": content, **fields}, "finish_reason": finish}]}


def test_an_event_is_spread_over_lines_of_which_one_is_an_object() -> None:
    spread = b'data: {"choices": [\ndata: {"delta": {"content": "Hi."}, "finish_reason": "stop"}\ndata: ]}\n\n'
    assert read_reply(spread).text == "Hi."


CALL = {"name": "look_up", "arguments": '{"city": "Oslo"}'}


@pytest.mark.parametrize(
    "calls",
    [
        json.dumps([{"id": "a", "function": CALL}]),
        json.dumps({"id": "a", "function": CALL}),
        json.dumps([{"id": "a", **CALL}]),
        {"id": "a", "function": CALL},
        {"id": "a", **CALL},
        [{"id": "a", **CALL}],
    ],
    ids=str,
)
def test_tool_calls_are_read_in_whatever_form_they_come(calls: Any) -> None:
    read = ({"id": "a", "type": "function", "function": CALL},)
    assert read_reply(answer({"content": None, "tool_calls": calls})).tool_calls == read
    assert read_reply(events(delta(tool_calls=calls), delta(finish="tool_calls"))).tool_calls == read


@pytest.mark.parametrize("calls", ["look_up(Oslo)", [{"id": "a"}], {"look_up": "Oslo"}], ids=str)
def test_unreadable_tool_calls_are_not_an_empty_answer(calls: Any) -> None:
    with pytest.raises(BackendError, match="tool calls cannot be read"):
        read_reply(answer({"content": None, "tool_calls": calls}))


def test_a_functions_name_may_come_in_pieces_or_with_each_piece() -> None:
    for names in (("look", "_up"), ("look_up", "look_up"), ("look_up", None), ("look_up", "")):
        pieces = [
            delta(tool_calls=[{"index": 0, "function": {"name": name, "arguments": arguments}}])
            for name, arguments in zip(names, ('{"city": ', '"Oslo"}'), strict=True)
        ]
        (call,) = read_reply(events(*pieces)).tool_calls
        assert call["function"] == CALL


def test_the_details_of_reasoning_are_reasoning() -> None:
    details = [{"type": "reasoning.text", "text": "It is "}, {"type": "reasoning.summary", "summary": "42."}]
    for raw in (answer({"content": "", "reasoning_details": details}), events(delta("", reasoning_details=details))):
        with pytest.raises(NoAnswer):
            read_reply(raw)
        assert read_reply(raw, reasoning_is_answer=True).text == "It is 42."


@pytest.mark.parametrize(
    ("finish", "usage", "kind"),
    [
        ("length", {}, OutOfRoom),
        ("MAX_TOKENS", {}, OutOfRoom),
        ("stop", {"completion_tokens": 9}, NoAnswer),
        ("stop", {"completion_tokens": 10}, OutOfRoom),
        (None, {}, NoAnswer),
    ],
)
def test_reasoning_that_took_all_the_room_is_known(finish: str | None, usage: dict[str, int], kind: type) -> None:
    choice = {"message": {"content": None, "reasoning": "Hm."}, "finish_reason": finish}
    with pytest.raises(NoAnswer) as failed:
        read_reply(json.dumps({"choices": [choice], "usage": usage}).encode(), max_tokens=10)
    assert type(failed.value) is kind


def test_what_an_answer_without_text_is_made_of_is_reported() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    for message in ({"content": [picture]}, {"content": picture}, {"content": "", "images": [picture]}):
        with pytest.raises(BackendError, match="no text, only parts of type image_url"):
            read_reply(answer(message))
    assert read_reply(answer({"content": [picture, {"type": "text", "text": "a cat"}]})).text == "a cat"


def test_the_answer_is_the_choice_of_index_0_wherever_it_is_listed() -> None:
    choices = [{"index": number, "message": {"content": str(number)}} for number in (1, 0, 2)]
    assert read_reply(json.dumps({"choices": choices}).encode()).text == "0"
    assert read_reply(json.dumps({"choices": choices[::2]}).encode()).text == "1"
    assert read_reply(events(delta("no", index=1), delta("4"), delta("no", index=1), delta("2"))).text == "42"


@pytest.mark.parametrize("pieces", [["4"], ["4", "2"], ["The answer ", "is ", "42", "."]], ids=str)
def test_events_that_end_with_the_whole_message_say_it_once(pieces: list[str]) -> None:
    whole = "".join(pieces)
    message = {"choices": [{"index": 0, "message": {"role": "assistant", "content": whole}, "finish_reason": "stop"}]}
    assert read_reply(events(*map(delta, pieces), message)).text == whole
    assert read_reply(events(*map(delta, pieces), delta(finish="stop"), message)).text == whole
    if len(pieces) > 1:
        assert read_reply(events(*map(delta, pieces), delta(whole, finish="stop"))).text == whole
    call = {"index": 0, "id": "a", "function": CALL}
    again = {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    (called,) = read_reply(events(delta(tool_calls=[call]), again)).tool_calls
    assert called["function"] == CALL


def test_the_same_piece_twice_is_said_twice() -> None:
    assert read_reply(events(delta("ha"), delta("ha", finish="stop"))).text == "haha"
    assert read_reply(events(delta("a"), delta("b"), delta("ab"), delta(finish="stop"))).text == "abab"


@pytest.mark.parametrize(
    "form",
    [{"between": "\n"}, {"between": "\r\n", "end": ""}, {"between": "\n", "head": ""}, {"head": "", "end": "[DONE]"}],
    ids=str,
)
def test_events_need_no_empty_line_between_them_nor_to_be_more_than_lines_of_json(form: dict[str, str]) -> None:
    completion = read_reply(events(delta("4"), delta("2", finish="length"), **form))
    assert (completion.text, completion.finish_reason) == ("42", "length")


def test_events_that_break_off_are_not_an_answer() -> None:
    for cut in (events(delta("4"), delta("2"), end=""), events(delta("4"), end='data: {"choices": [{"del')):
        with pytest.raises(BackendError, match="broke off") as failed:
            read_reply(cut)
        assert failed.value.again_in == 0.0
    assert read_reply(events(delta("4"), delta("2"))).finish_reason == "stop"
    assert read_reply(events(delta("4"), delta("2", finish="stop"), end="")).text == "42"


@pytest.mark.parametrize("error", [{"code": 0, "message": ""}, {"code": None}, None, {}, "", False, []], ids=str)
def test_an_error_that_says_nothing_beside_an_answer_is_none(error: Any) -> None:
    choice = {"message": {"content": "4"}, "finish_reason": "stop", "error": error}
    assert read_reply(json.dumps({"choices": [choice], "error": error}).encode()).text == "4"
    assert read_reply(events({**delta("4", finish="stop"), "error": error})).text == "4"


@pytest.mark.parametrize(
    ("status", "error", "kind", "again"),
    [
        (400, {"error": {"message": "no such parameter"}}, RequestUnfit, False),
        (413, {"detail": "too large"}, RequestUnfit, False),
        (400, {"message": "This model's maximum context length is 8192 tokens"}, RequestTooLong, False),
        (None, {"type": "exceed_context_size_error", "code": 400}, RequestTooLong, False),
        (429, "slow down", BackendUnavailable, True),
        (500, None, BackendError, True),
        (502, {}, BackendError, True),
        (503, {"error": "loading"}, BackendUnavailable, True),
        (401, {"error": "no"}, BackendError, False),
        (404, {"error": {"message": "no such model"}}, BackendError, False),
        (None, {"code": "ECONNRESET"}, BackendError, False),
        (None, {"code": "429"}, BackendUnavailable, True),
        (None, {"status": "503"}, BackendUnavailable, True),
        (None, {"code": "400"}, RequestUnfit, False),
        (None, {"code": "²²²"}, BackendError, False),
    ],
)
def test_a_failure_has_a_kind(status: int | None, error: Any, kind: type[BackendError], again: bool) -> None:
    failed = failure(error, status=status)
    assert type(failed) is kind
    assert (failed.again_in is not None) == again


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("no room", "no room"),
        ({"error": "no room"}, "no room"),
        ({"message": "no room"}, "no room"),
        ({"detail": "no room"}, "no room"),
        ({"error": {"message": {"detail": "no room"}}}, "no room"),
        ({"detail": "less", "message": "more", "error": "most"}, "most"),
        ({"detail": [{"loc": ["body"]}]}, '[{"loc": ["body"]}]'),
        ({"odd": 1}, '{"odd": 1}'),
        (None, "null"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_what_a_backend_says_of_its_failure_is_found_where_it_says_it(error: Any, said: str) -> None:
    assert quoted(error) == said


@pytest.mark.parametrize(
    ("code", "kind", "again"),
    [
        (400, RequestUnfit, None),
        (413, RequestUnfit, None),
        (422, RequestUnfit, None),
        (429, BackendUnavailable, 7.0),
        (503, BackendUnavailable, 7.0),
        (500, BackendError, 7.0),
        (502, BackendError, 7.0),
        (401, BackendError, None),
        (504, BackendError, None),
    ],
)
@pytest.mark.parametrize("field", ["status", "code"])
def test_a_failure_is_what_its_status_or_its_code_says(
    code: int, kind: type[BackendError], again: float | None, field: str
) -> None:
    by_status = failure("no", status=code, again_in=7.0)
    by_field = failure({"error": {field: code}}, again_in=7.0)
    assert (type(by_status), by_status.again_in) == (type(by_field), by_field.again_in) == (kind, again)
    assert str(by_status) == f"the model server answered {code}: no"


def test_the_first_model_that_chats_is_chosen() -> None:
    def chosen(*models: Any, wanted: str | None = None) -> str:
        return choose({"data": list(models)}, wanted).id

    for other in (
        "text-embedding-3-small", "nomic-embed-text:latest", "BAAI/bge-m3", "intfloat/e5-mistral-7b-instruct",
        "Alibaba-NLP/gte-Qwen2-7B-instruct", "whisper-1", "dall-e-3", "Qwen3-Reranker-8B", "tts-1", "all-minilm:l6-v2",
    ):  # fmt: skip
        assert chosen({"id": other}, {"id": "Qwen/Qwen2.5-14B-Instruct"}) == "Qwen/Qwen2.5-14B-Instruct"
        assert chosen({"id": "chat"}, {"id": other}, wanted=other) == other
    assert chosen({"id": "a", "type": "embeddings"}, {"id": "b", "type": "llm"}) == "b"
    assert chosen({"id": "a", "capabilities": {"completion_chat": False}}, {"id": "b"}) == "b"
    assert chosen({"id": "a-vision-embedder", "type": "chat"}) == "a-vision-embedder"
    assert choose([{"name": "bare"}], None).id == "bare"
    with pytest.raises(BackendError, match=r"no chat model \(listed: bge-m3\).*backend_model"):
        chosen({"id": "bge-m3"})
    with pytest.raises(BackendError, match="lists none"):
        chosen(wanted="llama")


def test_a_context_may_be_a_float() -> None:
    listed = foreign_json.read(recorded("models-float-length.200.json"))
    assert choose(listed, None).context == 4096
    for odd in (None, 0, -1, 1.5, "4096", True, float("inf")):
        assert choose({"data": [{"id": "a", "max_model_len": odd}]}, None).context is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
NAMES = st.from_regex(
    r"choices|message|delta|content|text|type|function_call|tool_calls|function|name|arguments|id|index|error|code"
    r"|refusal|reasoning|reasoning_content|thinking|value|usage|prompt_tokens|finish_reason|data|max_model_len"
    r"|capabilities",
    fullmatch=True,
)
SHAPED = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
REPLIES = st.one_of(
    SHAPED,
    st.fixed_dictionaries(
        {"choices": st.lists(st.fixed_dictionaries({"message": SHAPED, "delta": SHAPED}), max_size=2)}
    ),
    st.fixed_dictionaries({"choices": st.just([{"message": {}}]), "usage": SHAPED}),
)


def passes_on(completion: Completion) -> None:
    """What was read can be sealed, and a validator of ours takes it."""
    read = read_completion(completion_json(completion))
    assert (read.text, read.tool_calls) == (completion.text, completion.tool_calls)


@given(REPLIES, st.booleans())
def test_no_reply_breaks_the_reader(reply: Any, reasoning_is_answer: bool) -> None:
    raw = json.dumps(reply).encode()
    for body in (raw, b"data: " + raw + b"\n\n", b"\xef\xbb\xbf" + raw):
        try:
            passes_on(read_reply(body, reasoning_is_answer=reasoning_is_answer))
        except BackendError as error:
            str(error).encode()


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"data:", b"\n", b"{", b"}", b"\xff", b'"a":', b"1"])).map(b"".join)
)
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        passes_on(read_reply(raw))
    except BackendError as error:
        str(error).encode()
    str(failure(read_body(raw), status=500)).encode()


@given(SHAPED)
def test_no_list_of_models_breaks_the_reader(listed: Any) -> None:
    read = foreign_json.read(json.dumps(listed).encode())
    try:
        model = choose(read, None)
    except (NoModelsError, BackendError):
        return
    msgspec.json.encode(model)


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"choices":' * 50_000, b"data: " + b"[" * 200_000 + b"\n\n"])
def test_endless_nesting_is_a_failure(raw: bytes) -> None:
    with pytest.raises(BackendError):
        read_reply(raw)


def wrapped(times: int, form: str) -> Any:
    value: Any = "42"
    for _ in range(times):
        value = [value] if form == "list" else {"text": value}
    return value


@pytest.mark.parametrize("form", ["list", "dict"])
def test_texts_are_at_most_eight_parts_deep(form: str) -> None:
    assert read_reply(answer({"content": wrapped(8, form)})).text == "42"
    assert read_reply(answer({"content": wrapped(9, form)})).text == ""


def test_a_failure_of_megabytes_is_quoted_without_reading_all_of_it() -> None:
    failures: tuple[dict[str, Any], ...] = (
        {"error": {"data": [{"x": "?key"}] * 500_000}},
        {"message": "?key" * 2_000_000},
        {"x": "?" * 8_000_000},
    )
    with effort(at_most=2):
        assert all("?" in quoted(error) for error in failures)
