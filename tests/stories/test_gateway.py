"""Users ask the demo subnet through the gateway with OpenAI's own client."""

import socket
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.stories.console import Run, exported, finished, running

pytestmark = pytest.mark.slow

MODES = ("fast", "race", "consensus")
QUESTION = "What is 17 * 24?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[tuple[Run, str]]:
    """The running console, and where it listens for users."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    with running("--data-dir", str(folder), "--seed", "7", "--miners", "6", "--gateway", at) as console:
        console.wait_for("round", 2)
        yield console, at


@pytest.fixture(scope="module")
def client(gateway: tuple[Run, str], folder: Path) -> openai.OpenAI:
    key = finished("keys", "add", "me", "--tokens-per-month", "1000000", "--data-dir", str(folder)).stdout.strip()
    return openai.OpenAI(base_url=f"http://{gateway[1]}/v1", api_key=key, max_retries=0)


def wait_until_judged(console: Run, *ids: str) -> None:
    """A race is answered before its round is over."""
    count = 0
    while not set(ids) <= {event["id"] for event in console.named("round")}:
        count = len(console.wait_for("round", count + 1))


@pytest.mark.parametrize("mode", MODES)
def test_a_question_is_answered_whole_and_streamed_and_is_a_round(
    gateway: tuple[Run, str], client: openai.OpenAI, folder: Path, mode: str
) -> None:
    asked = {"model": "subnet", "messages": [{"role": "user", "content": QUESTION}]}
    headers = {"x-subnet-mode": mode}
    raw = client.chat.completions.with_raw_response.create(**asked, extra_headers=headers)  # type: ignore[call-overload]
    assert raw.headers["x-subnet-mode"] == mode
    assert raw.parse().choices[0].message.content
    streamed = client.chat.completions.with_raw_response.create(  # type: ignore[call-overload]
        **asked, stream=True, stream_options={"include_usage": True}, extra_headers=headers
    )
    chunks: list[ChatCompletionChunk] = list(streamed.parse())
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    end = chunks[-1]
    assert text
    assert end.usage is not None
    assert end.usage.completion_tokens > 0
    left = [int(one.headers["x-ratelimit-remaining-tokens"]) for one in (raw, streamed)]
    assert 1_000_000 > left[0] >= left[1], "what users were told is charged to the key"
    told = (end.model_extra or {})["subnet"]
    assert told["round"] == streamed.headers["x-subnet-round"]
    assert "x-subnet-miner" not in streamed.headers
    wait_until_judged(gateway[0], raw.headers["x-subnet-round"], told["round"])
    rounds = {row["id"]: row for row in exported("rounds", folder)}
    whole, piecewise = rounds[raw.headers["x-subnet-round"]], rounds[told["round"]]
    assert whole["source"] == piecewise["source"] == "organic"
    replies = {(row["round_id"], row["uid"]): row for row in exported("replies", folder, "--with-users")}
    assert replies[whole["id"], raw.headers["x-subnet-miner"]]["text"] == raw.parse().choices[0].message.content
    assert replies[piecewise["id"], str(told["miner"])]["text"] == text
    shown = [row for row in exported("replies", folder) if row["round_id"] == whole["id"]]
    assert not any(row["text"] or row["question"] for row in shown), "users' words are exported on demand only"
    assert (replies[piecewise["id"], str(told["miner"])]["counted"] == "alone") is (mode == "fast")


def test_a_model_may_name_the_mode_and_what_is_wrong_is_told_as_openai_does(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["subnet", "subnet-fast", "subnet-race", "subnet-consensus"]
    messages = [{"role": "user", "content": QUESTION}]
    raw = client.chat.completions.with_raw_response.create(model="subnet-race", messages=messages)  # type: ignore[arg-type]
    assert raw.headers["x-subnet-mode"] == "race"
    with pytest.raises(openai.BadRequestError, match="x-subnet-mode 'slow': use fast, race, consensus"):
        client.chat.completions.create(
            model="subnet",
            messages=messages,  # type: ignore[arg-type]
            extra_headers={"x-subnet-mode": "slow"},
        )
    with pytest.raises(openai.BadRequestError, match="ask several times"):
        client.chat.completions.create(model="subnet", messages=messages, n=2)  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="logit_bias"):
        client.chat.completions.create(model="subnet", messages=messages, logit_bias={"1": 2})  # type: ignore[arg-type]
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-5' here"):
        client.chat.completions.create(model="gpt-5", messages=messages)  # type: ignore[arg-type]
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="sk-subnet-wrong").models.list()


def test_an_address_that_is_taken_is_told_with_the_option_that_names_it(
    gateway: tuple[Run, str], tmp_path: Path
) -> None:
    with running("--data-dir", str(tmp_path), "--miners", "4", "--gateway", gateway[1]) as second:
        assert second.wait() == 2, second.said()
        assert f"cannot listen on {gateway[1]}" in second.said()
        assert "or choose another --gateway" in second.said()
