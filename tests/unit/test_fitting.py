"""Which models fit: the arithmetic against the sizes of published files, and lists in any shape."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from console.doctor.machine import SPECIFICATION
from console.fitting import ListedModel, fitting, models_of

OURS = yaml.safe_load(Path(SPECIFICATION).read_text())["compute_spec"]["miner"]
MODELS = {model.id: model for model in models_of(OURS["model_allowlist"])}


@pytest.mark.parametrize(
    ("id", "quant", "published"),
    [
        ("qwen2.5-7b-instruct", "awq_int4", 5.58),
        ("qwen2.5-7b-instruct", "gguf", 4.68),
        ("qwen2.5-7b-instruct", "bf16", 15.2),
        ("qwen2.5-14b-instruct", "gptq_int4", 9.99),
        ("qwen2.5-72b-instruct", "awq_int4", 41.6),
    ],
)
def test_weights_are_as_large_as_the_published_files(id: str, quant: str, published: float) -> None:
    """To 3 %: the sum of each repository's files, in GB."""
    whole = MODELS[id]
    [fit] = fitting(
        [ListedModel(id=id, parameters=whole.parameters, embeddings=whole.embeddings, quants={quant: ()})], 200.0
    )
    assert fit.weights == pytest.approx(published, rel=0.03)


def test_a_token_of_context_takes_what_its_keys_and_values_do() -> None:
    assert MODELS["llama3.1-70b-instruct"].token == 2 * 80 * 8 * 128 * 2  # 320 KiB, as is known of this model
    [fit] = fitting([MODELS["qwen2.5-7b-instruct"]], 8.59)
    assert fit.quant == "awq_int4" and fit.context == 36 * 1024
    assert fit.weights < fit.needed <= 0.9 * 8.59


def test_each_profile_of_ours_fits_the_models_that_are_listed_for_it() -> None:
    for name, entries in OURS["model_allowlist"].items():
        profile = OURS["gpu"]["profiles"].get(name)
        memory = profile["min_vram"] * 1.0737 if profile else 2 * OURS["memory"]["min_ram"]
        found = {fit.model.id for fit in fitting(MODELS.values(), memory, on_cpu=profile is None)}
        assert {entry["id"] for entry in entries} <= found, name


def test_a_form_that_the_gpu_cannot_run_is_left_out_and_a_processor_runs_gguf_alone() -> None:
    nemo, qwen = MODELS["mistral-nemo-instruct-2407"], MODELS["qwen2.5-7b-instruct"]
    assert fitting([nemo], 25.7, capability=(8, 6)) and not fitting([nemo], 25.7, capability=(7, 5))
    assert [fit.quant for fit in fitting([nemo, qwen], 64.0, on_cpu=True)] == ["gguf"]


def test_more_bits_are_chosen_once_there_is_context_enough() -> None:
    [small], [large] = (fitting([MODELS["qwen2.5-7b-instruct"]], memory) for memory in (8.59, 42.9))
    assert (small.quant, large.quant) == ("awq_int4", "bf16")


def test_a_size_in_a_name_is_used_where_no_other_is_stated() -> None:
    entries = [{"id": name, "quants": {"awq_int4": ["a/b"]}} for name in ("x-14b-chat", "m-8x22b", "v2", "b", "1.5B")]
    found = {model.id: model.parameters for model in models_of({"any": entries})}
    assert found == {"x-14b-chat": 14.0, "m-8x22b": 176.0, "1.5B": 1.5}
    [fit] = fitting([model for model in models_of({"any": entries}) if model.id == "x-14b-chat"], 16.0)
    assert (fit.context, "its context not counted" in str(fit)) == (None, True)


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "quants", "parameters", "total", "layers", "kv_heads", "head_size", "gguf", "bf16"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(anything, st.floats(0, 1000))
def test_whatever_a_list_holds_what_fits_fits(allowlist: Any, memory: float) -> None:
    for fit in fitting(models_of({"any": allowlist}), memory):
        assert 0 < fit.needed <= memory and str(fit)
