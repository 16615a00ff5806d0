"""Embeddings from a server, against a real one that is slow, busy, wrong or hostile."""

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from engine.judge.encoding import embeddings_api as openai
from engine.judge.encoding.basics import EncoderEndpoint, EncoderError
from engine.judge.encoding.embeddings_api import LEAST_CHARACTERS, MAX_BATCH, MAX_CHARACTERS, OpenAIEmbeddings
from engine.judge.encoding.encoders import CachedEncoder, open_encoder
from engine.judge.encoding.plain import Hashing
from tests.unit.embeddings_helpers import EmbeddingsServer, embeddings_server

KEY = "sk-verysecretverysecret"


@pytest.fixture
def server() -> Iterator[EmbeddingsServer]:
    with embeddings_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "PAUSES_S", (0.01, 0.01, 0.01))


def opened(server: EmbeddingsServer, **options: Any) -> OpenAIEmbeddings:
    encoder = OpenAIEmbeddings("tiny", EncoderEndpoint(server.url, KEY), **options)
    server.asked.clear()
    return encoder


def test_it_asks_as_openai_is_asked(server: EmbeddingsServer) -> None:
    encoder = open_encoder("openai:tiny", endpoint=EncoderEndpoint(server.url + "/", KEY))
    assert (encoder.name, encoder.dim, encoder.device) == ("openai:tiny", 384, server.url)
    texts = ["a longer text about miners", "short", "\ud800 lone", " "]
    vectors = encoder.encode(texts)
    assert server.asked[-1] == {
        "model": "tiny",
        "input": ["short", "? lone", "a longer text about miners"],
        "encoding_format": "float",
    }
    assert server.headers["authorization"] == f"Bearer {KEY}"
    assert np.allclose(vectors[:2], Hashing().encode(texts[:2]), atol=1e-6)
    assert vectors.dtype == np.float32 and not vectors[3].any()
    assert encoder.encode([]).shape == (0, 384)


def test_many_texts_go_in_batches_of_like_length_and_equal_ones_once(server: EmbeddingsServer) -> None:
    encoder = CachedEncoder(opened(server))
    texts = [f"{'word ' * (index % 7)}{index}" for index in range(150)]
    vectors = encoder.encode([*texts, *texts[:20]])
    sent = [len(body["input"]) for body in server.asked]
    assert sum(sent) == 150 and max(sent) == MAX_BATCH
    lengths = [len(text) for body in server.asked for text in body["input"]]
    assert lengths == sorted(lengths)
    assert np.allclose(vectors, Hashing().encode([*texts, *texts[:20]]), atol=1e-6)
    encoder.encode(texts)
    assert len(server.asked) == len(sent)


def test_long_texts_are_cut_and_go_in_small_batches(server: EmbeddingsServer) -> None:
    opened(server).encode(["x" * 100_000 + str(index) for index in range(20)])
    assert {len(text) for body in server.asked for text in body["input"]} == {MAX_CHARACTERS}
    assert [len(body["input"]) for body in server.asked] == [8, 8, 4]


def test_a_text_that_is_refused_is_halved_and_spoils_no_other(server: EmbeddingsServer) -> None:
    encoder = opened(server)
    server.refuses = lambda text: len(text) > 500 or "cursed" in text
    texts = ["fine", "long " * 400, "cursed", "also fine"]
    vectors = encoder.encode(texts)
    assert np.allclose(vectors[[0, 3]], Hashing().encode(["fine", "also fine"]), atol=1e-6)
    assert np.allclose(vectors[1], Hashing().encode(["long " * 100])[0], atol=1e-6)
    assert not vectors[2].any()


def test_a_server_that_refuses_everything_ends_soon(server: EmbeddingsServer) -> None:
    encoder = opened(server)
    server.refuses = lambda _text: True
    assert not encoder.encode(["x" * 2 * LEAST_CHARACTERS] * 8).any()
    assert len(server.asked) == 15 + 8
    with pytest.raises(EncoderError, match="is tiny an embedding model"):
        OpenAIEmbeddings("tiny", EncoderEndpoint(server.url))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_server_is_asked_again(server: EmbeddingsServer, status: int) -> None:
    encoder = opened(server)
    server.statuses = [status, status]
    assert encoder.encode(["hello"]).any()
    assert len(server.asked) == 3
    server.statuses = [status] * 9
    with pytest.raises(EncoderError, match=rf"busy or broken \(HTTP {status}: not now"):
        encoder.encode(["hello"])
    assert len(server.asked) == 7


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (401, "SUBNET_CONSOLE_ENCODER_KEY"),
        (403, "SUBNET_CONSOLE_ENCODER_KEY"),
        (404, "has no embeddings of tiny"),
        (301, "redirects elsewhere"),
        (307, "redirects elsewhere"),
        (418, "refuses"),
    ],
)
def test_what_will_not_change_is_not_tried_again(server: EmbeddingsServer, status: int, what: str) -> None:
    encoder = opened(server)
    server.statuses = [status]
    with pytest.raises(EncoderError, match=what) as caught:
        encoder.encode(["hello"])
    assert str(caught.value).startswith(f"openai:tiny: {server.url} ")
    assert KEY not in str(caught.value) and "\x1b" not in str(caught.value)
    assert len(server.asked) == 1


def test_vectors_that_are_not_numbers_become_zero(server: EmbeddingsServer) -> None:
    encoder = opened(server)
    odd = [[None] * 384, None, [float("nan")] * 384, [1e300] * 384, [float("-inf")] + [0.0] * 383, [0] * 383 + [2]]
    server.change = lambda answer: {
        "data": [{"index": row["index"], "embedding": odd[row["index"]]} for row in answer["data"]]
    }
    vectors = encoder.encode([str(number) for number in range(6)])
    assert not vectors[:5].any()
    assert vectors[5].tolist() == [0.0] * 383 + [1.0]
    odd[0] = None
    assert not encoder.encode(["all of it"]).any()
    with pytest.raises(EncoderError, match="vectors of 0 dimensions"):
        OpenAIEmbeddings("tiny", EncoderEndpoint(server.url))


def test_an_answer_is_read_in_whatever_form_it_comes(server: EmbeddingsServer) -> None:
    encoder = opened(server)

    def in_base64(row: dict[str, Any]) -> str:
        return base64.b64encode(np.array(row["embedding"], dtype="<f4").tobytes()).decode()

    forms: list[Callable[[dict[str, Any]], object]] = [
        lambda answer: b"\xef\xbb\xbf" + json.dumps(answer).encode(),
        lambda answer: json.dumps(answer).encode()[:-1] + b', "note": "\xff \\ud83d", "cost": NaN}',
        lambda answer: {"data": [{**row, "index": float(row["index"])} for row in answer["data"]]},
        lambda answer: {"data": [{"embedding": row["embedding"]} for row in reversed(answer["data"])]},
        lambda answer: {"data": [{**row, "embedding": in_base64(row)} for row in answer["data"]]},
        lambda answer: {**answer, "error": None},
    ]
    for form in forms:
        server.change = form
        assert np.allclose(encoder.encode(["one", "two"]), Hashing().encode(["one", "two"]), atol=1e-6)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"", "does not answer as OpenAI's embeddings do"),
        (b"<html>", "does not answer as OpenAI's embeddings do"),
        (b"[" * 100_000, "does not answer as OpenAI's embeddings do"),
        ({"data": "none"}, "does not answer as OpenAI's embeddings do"),
        ([1], "does not answer as OpenAI's embeddings do"),
        ({"data": [{"index": 0}]}, "does not answer as OpenAI's embeddings do"),
        ({"data": [{"index": 0, "embedding": "not base64"}]}, "does not answer as OpenAI's embeddings do"),
        ({"data": [{"index": 0, "embedding": {"a": 1}}]}, "does not answer as OpenAI's embeddings do"),
        ({"data": [{"index": 0, "embedding": [[1.0], [1.0, 2.0]]}]}, "does not answer as OpenAI's embeddings do"),
        ({"data": [{"index": 0, "embedding": [10**400]}]}, "does not answer as OpenAI's embeddings do"),
        ({"error": {"message": "CUDA out of memory"}}, r"answers with an error \(CUDA out of memory\)"),
        ({"data": [{"index": 0, "embedding": "AACAPw=="}]}, "1 dimensions instead of 384"),
        ({"data": []}, "0 vectors for 1 texts"),
        ({"data": [{"index": 1, "embedding": [1.0]}]}, "1 vectors for 1 texts"),
        ({"data": [{"index": 0, "embedding": [1.0]}] * 2}, "2 vectors for 1 texts"),
        ({"data": [{"index": 0, "embedding": []}]}, "vectors of"),
        ({"data": [{"index": 0, "embedding": [1.0, 2.0]}]}, "2 dimensions instead of 384"),
        ({"data": [{"index": 0, "embedding": [0.5] * 20_000}]}, "vectors of"),
    ],
)
def test_an_invalid_answer_is_an_error(server: EmbeddingsServer, answer: object, what: str) -> None:
    encoder = opened(server)
    server.change = lambda _answer: answer
    with pytest.raises(EncoderError, match=what):
        encoder.encode(["hello"])


def test_an_endless_answer_is_cut_off(server: EmbeddingsServer) -> None:
    encoder = opened(server)
    server.pieces = lambda: iter([b"[" + b" " * (1 << 20)] * 40)
    with pytest.raises(EncoderError, match="more than"):
        encoder.encode(["hello"])


def test_an_answer_that_trickles_is_waited_for_only_so_long(server: EmbeddingsServer) -> None:
    encoder = opened(server, encode_s=0.3)

    def drops() -> Iterator[bytes]:
        for _ in range(1000):
            time.sleep(0.02)
            yield b" "

    server.pieces = drops
    began = time.monotonic()
    with pytest.raises(EncoderError, match=r"longer than 0\.3 s"):
        encoder.encode(["hello"])
    assert time.monotonic() - began < 10


def test_a_server_that_says_nothing_is_given_up(server: EmbeddingsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "REPLY_S", 0.2)
    encoder = opened(server)
    server.hang.clear()
    with pytest.raises(EncoderError, match=r"does not answer within 0\.2 s"):
        encoder.encode(["hello"])


def test_a_server_that_is_not_there_is_named_without_what_is_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(EncoderError) as caught:
        OpenAIEmbeddings("tiny", EncoderEndpoint(f"http://user:hunter2@127.0.0.1:{port}/v1?key=hunter2", KEY))
    told = str(caught.value)
    assert told.startswith(f"openai:tiny: http://127.0.0.1:{port}/v1 cannot be reached")
    assert "encoder_url" in told and "hunter2" not in told and KEY not in told


@pytest.mark.parametrize("url", ["", "ftp://host/v1", "http://", "http://host:99999999/v1", "http://[::1/v1"])
def test_an_invalid_address_names_the_setting(url: str) -> None:
    with pytest.raises(EncoderError, match="encoder_url"):
        open_encoder("openai:tiny", endpoint=EncoderEndpoint(url))


def test_a_key_is_not_shown_where_values_are_printed() -> None:
    assert KEY not in repr(EncoderEndpoint("http://host/v1", KEY))
