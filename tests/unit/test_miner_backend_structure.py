"""What a request says of its answer's form and of tools: what can be read, and what is too much for an own model."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.values import Request
from miner_server.backends.structure import most_times, require_readable, schema_of
from miner_server.errors import RequestUnfit

ADD = {"type": "function", "function": {"name": "add", "description": "adds", "parameters": {"type": "object"}}}
CHOSEN = {"type": "function", "function": {"name": "add"}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "pattern", "minItems"]), inner)
    ),
    max_leaves=20,
)


def formed(schema: Any) -> Request:
    return Request(prompt="?", response_format={"type": "json_schema", "json_schema": {"schema": schema}})


@pytest.mark.parametrize(
    "request_",
    [
        Request(prompt="?"),
        Request(prompt="?", response_format={"type": "text"}),
        Request(prompt="?", response_format={"type": "json_object"}),
        Request(prompt="?", response_format={"type": "json_object", "schema": {"type": "integer"}}),
        Request(prompt="?", response_format={"type": "json_schema", "json_schema": {"name": "n", "strict": True}}),
        Request(prompt="?", tools=(ADD,)),
        Request(prompt="?", tools=(ADD,), tool_choice="required"),
        Request(prompt="?", tools=(ADD,), tool_choice=CHOSEN),
        Request(prompt="?", tool_choice="none"),
        formed({"type": "string", "minLength": 2, "maxLength": 2}),
        formed({"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"}),
        formed({"type": "object", "properties": {"minItems": {"type": "integer"}, "pattern": {"type": "string"}}}),
    ],
)
def test_what_is_usual_is_read(request_: Request) -> None:
    require_readable(request_)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"response_format": {"type": "weird"}}, "weird"),
        ({"response_format": {}}, "type"),
        ({"response_format": {"type": 7}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": [1]}}}, "schema"),
        ({"response_format": {"type": "json_object", "schema": "x"}}, "schema"),
        ({"tools": ({"type": "nonsense"},)}, "nonsense"),
        ({"tools": (7,)}, "tools"),
        ({"tools": ({"name": "add"},)}, "tools"),
        ({"tools": ({"type": "function", "function": {"name": ""}},)}, "name"),
        ({"tools": ({"type": "function", "function": {"name": "add", "parameters": "x"}},)}, "parameters"),
        ({"tools": ({"type": "function", "function": {"name": "add", "description": 7}},)}, "description"),
        ({"tools": (ADD,), "tool_choice": "perhaps"}, "perhaps"),
        ({"tools": (ADD,), "tool_choice": 7}, "tool_choice"),
        ({"tools": (ADD,), "tool_choice": {"type": "function", "function": {"name": "subtract"}}}, "none of the tools"),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestUnfit, match=says):
        require_readable(Request(prompt="?", **fields))


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "string", "minLength": 3, "maxLength": 2}, "3 of something at least, and 2 at most"),
        ({"items": {"anyOf": [{"minItems": 1, "maxItems": 0}]}}, "1 of something"),
        ({"type": "object", "minProperties": 5, "maxProperties": 4}, "5 of something"),
        ({"type": "string", "pattern": "^a{9,3}$"}, "9 of something"),
        ({"type": "string", "pattern": "^((a{60}){60})$"}, "more than 2,000 times"),
        ({"type": "string", "pattern": f"^a{{{10**30}}}$"}, "more than 2,000 times"),
        ({"type": "string", "pattern": "a?" * 2001}, "more than 2,000 times"),
        ({"enum": ["x" * 100] * 200}, "more than 16 KiB"),
    ],
)
def test_a_schema_that_no_answer_can_follow_or_that_is_too_much_is_refused(schema: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestUnfit, match=says):
        require_readable(formed(schema))
    tool = {"type": "function", "function": {"name": "add", "parameters": schema}}
    with pytest.raises(RequestUnfit, match=says):
        require_readable(Request(prompt="?", tools=(tool,)))


@pytest.mark.parametrize(
    ("schema", "times"),
    [
        ({}, 0),
        ({"maxItems": 5, "items": {"maxLength": 7}}, 7),
        ({"minItems": 9, "maxItems": None}, 9),
        ({"pattern": "a{2,30}b{4}"}, 30),
        ({"pattern": "(a{2,30}){4}"}, 120),
        ({"pattern": "a{0007}"}, 7),
        ({"pattern": "a?b*c?"}, 3),
        ({"pattern": 7, "maxLength": "9"}, 0),
        ({"properties": {"maxLength": {"type": "string"}}}, 0),
    ],
)
def test_how_often_anything_may_come_is_counted(schema: dict[str, Any], times: int) -> None:
    assert most_times(schema) == times


def test_a_schema_comes_in_openais_way_or_in_llama_cpps() -> None:
    assert schema_of({"type": "json_schema", "json_schema": {"schema": {"a": 1}}}) == {"a": 1}
    assert schema_of({"type": "json_object", "schema": {"a": 1}}) == {"a": 1}
    for none in (None, {"type": "text", "schema": {}}, {"type": "json_object"}, {"type": "json_schema"}):
        assert schema_of(none) is None


@given(JSON, JSON, JSON)
def test_whatever_comes_is_read_or_refused(form: Any, tool: Any, choice: Any) -> None:
    for one in (
        Request(prompt="?", response_format=form),
        Request(prompt="?", tools=(tool,), tool_choice=choice),
        formed(form),
    ):
        try:
            require_readable(one)
        except RequestUnfit:
            continue
        if one.response_format is not None:
            assert most_times(schema_of(one.response_format) or {}) >= 0
