"""The demo's miners say what they say in the form that was asked for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.demo.answer_key import AnswerKey
from console.demo.cast import USUAL, cast
from console.demo.forms import formed
from console.demo.personas import Board, PersonaBackend
from engine.gateway.form import is_well_formed
from engine.values import Reply, Request

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "degrees": {"type": "number"},
        "days": {"type": "array", "items": {"type": "integer"}},
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "sunny": {"type": "boolean"},
        "deep": {"type": "object", "properties": {"note": {"type": ["string", "null"]}}},
    },
    "required": ["city"],
}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
SAID = "It is 21.5 degrees fahrenheit."
FILLED = {
    "city": SAID,
    "degrees": 21.5,
    "days": [21],
    "unit": "fahrenheit",
    "sunny": True,
    "deep": {"note": SAID},
}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "weather"}}])
def test_a_demanded_tool_is_called_with_arguments_by_its_schema(choice: Any) -> None:
    text, [call] = formed(SAID, Request(prompt="?", tools=(TOOL,), tool_choice=choice))
    assert text == ""
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == FILLED


def test_json_is_by_its_schema_and_a_free_choice_of_tools_is_answered_in_words() -> None:
    by_schema = {"type": "json_schema", "json_schema": {"name": "weather", "schema": SCHEMA}}
    assert json.loads(formed(SAID, Request(prompt="?", response_format=by_schema))[0]) == FILLED
    assert json.loads(formed(SAID, Request(prompt="?", response_format={"type": "json_object"}))[0]) == {"answer": SAID}
    for choice in (None, "auto", "none"):
        assert formed(SAID, Request(prompt="?", tools=(TOOL,), tool_choice=choice)) == (SAID, ())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "properties", "items", "enum", "const", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_no_schema_of_a_stranger_breaks_a_miner(schema: Any) -> None:
    by_schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    json.loads(formed(SAID, Request(prompt="?", response_format=by_schema))[0])


async def test_honest_miners_are_well_formed_and_lazy_ones_are_not() -> None:
    request = Request(prompt="How warm is it?", tools=(TOOL,), tool_choice="required")
    for persona in cast(USUAL):
        if persona.role not in ("strong", "lazy", "garbage"):
            continue
        backend = PersonaBackend(persona, seed=1, key=AnswerKey(iter(())), board=Board())
        said = await backend.complete(request, timeout=9.0)
        reply = Reply(uid=1, hotkey="hk1", text=said.text, tool_calls=said.tool_calls)
        assert is_well_formed(reply, request) is (persona.role == "strong"), persona.name
