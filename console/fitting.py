"""Which models fit into a memory, worked out from the model list of a `min_compute.yml`.

A model that answers needs its weights, and in each layer a key and a value for each token of its context:

    weights  parameters × bits / 8; the quantisations for GPUs leave the embeddings at 16 bits
    context  tokens × layers × key-value heads × size of a head × 2 (key and value) × 2 bytes

A tenth of a GPU is left to activations and its driver, as vLLM does by itself (`gpu_memory_utilization` 0.9). For a
model whose shape the list does not state, the weights follow from the number in its name (7b, 8x22b), and the context
is unknown.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from engine.text import safe

USABLE_GPU = 0.9
USABLE_MEMORY = 0.75
"""The share of a machine's memory for a model: the system, this program and its encoder need the rest."""

STEP = 1024
LEAST_CONTEXT = 4096
"""A model with less room than this for question and answer is not worth suggesting."""

MOST_MODELS, MOST_REPOSITORIES = 64, 4
"""How many models and repositories of a min_compute.yml are read."""

LONGEST_NAME = 100
"""Characters kept of a model's name."""


class Quantisation(Struct, frozen=True):
    """How many bits a parameter has, also in the embeddings, and the least compute capability that runs it."""

    bits: float
    embedding_bits: float
    least: tuple[int, int] | None


# Groups of 128 weights share a 16-bit scale and a 4-bit zero: 4 + 20 / 128. GGUF is counted as Q4_K_M, 4.9 bits on
# average by llama.cpp's own table. Compute capabilities are those of vLLM's table of supported hardware.
QUANTISATIONS = {
    "bf16": Quantisation(16, 16, (8, 0)),
    "fp16": Quantisation(16, 16, (7, 0)),
    "fp8_vllm": Quantisation(8, 16, (8, 0)),
    "awq_int4": Quantisation(4.16, 16, (7, 5)),
    "gptq_int4": Quantisation(4.16, 16, (7, 5)),
    "gguf": Quantisation(4.9, 4.9, None),
}
ON_CPU = ("gguf",)

_SIZE = re.compile(r"(?:^|[-_.])(?:(\d{1,2})x)?(\d{1,4}(?:\.\d{1,2})?)b(?:$|[-_.])", re.IGNORECASE)


class ListedModel(Struct, frozen=True, kw_only=True):
    """A model of a list. `parameters` and `embeddings` are in billions; `token` is what one token of context takes, in
    bytes, and `context` the most tokens that it was made for; None is unknown."""

    id: str
    parameters: float
    embeddings: float = 0.0
    token: int | None = None
    context: int | None = None
    quants: dict[str, tuple[str, ...]]


class Fit(Struct, frozen=True, kw_only=True):
    """A model that fits: how, and with how many tokens of context (None is unknown). Sizes in GB (1e9 bytes)."""

    model: ListedModel
    quant: str
    repository: str
    weights: float
    needed: float
    context: int | None

    def __str__(self) -> str:
        room = f" with {self.context:,} tokens" if self.context else ", its context not counted"
        return f"{self.model.id} {self.quant} ({self.needed:.1f} GB{room})"


def fitting(
    models: Iterable[ListedModel], memory: float, *, capability: tuple[int, int] | None = None, on_cpu: bool = False
) -> list[Fit]:
    """The models that fit into `memory` GB, each in the form that leaves it the longest context, the largest first."""
    found = []
    for model in models:
        ways = [
            fit
            for quant, repositories in model.quants.items()
            if (fit := _fit(model, quant, repositories, memory, capability, on_cpu)) is not None
        ]
        if ways:
            found.append(max(ways, key=lambda fit: (min(fit.context or 0, _enough(model)), fit.weights)))
    return sorted(found, key=lambda fit: -fit.model.parameters)


def _enough(model: ListedModel) -> int:
    """The context from which on more bits are worth more than more tokens."""
    return min(model.context or LEAST_CONTEXT, 8 * LEAST_CONTEXT)


def _fit(
    model: ListedModel,
    quant: str,
    repositories: Sequence[str],
    memory: float,
    capability: tuple[int, int] | None,
    on_cpu: bool,
) -> Fit | None:
    form = QUANTISATIONS.get(quant)
    if form is None or (on_cpu and quant not in ON_CPU):
        return None
    if capability and form.least and capability < form.least:
        return None
    usable = memory * (USABLE_MEMORY if on_cpu else USABLE_GPU)
    weights = ((model.parameters - model.embeddings) * form.bits + model.embeddings * form.embedding_bits) / 8
    if weights >= usable:
        return None
    context = None
    if model.token is not None:
        room = int((usable - weights) * 1e9 / model.token) // STEP * STEP
        context = min(room, model.context or room)
        if context < LEAST_CONTEXT:
            return None
    needed = weights + (context or 0) * (model.token or 0) / 1e9
    repository = repositories[0] if repositories else ""
    return Fit(model=model, quant=quant, repository=repository, weights=weights, needed=needed, context=context)


def models_of(allowlist: object) -> Iterator[ListedModel]:
    """The models of a `model_allowlist`, each once; what has no size, not even in its name, is left out."""
    if not isinstance(allowlist, dict):
        return
    seen: set[str] = set()
    for of_profile in islice(allowlist.values(), MOST_MODELS):
        for entry in islice(of_profile, MOST_MODELS) if isinstance(of_profile, list) else ():
            model = _model(entry)
            if model is not None and model.id not in seen:
                seen.add(model.id)
                yield model


def _model(entry: Any) -> ListedModel | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        return None
    id = safe(entry["id"], LONGEST_NAME)
    shape = entry.get("parameters")
    stated = shape if isinstance(shape, dict) else {}
    parameters = _number(stated.get("total")) or _by_name(id) or _by_name(str(entry.get("base") or ""))
    if parameters is None:
        return None
    parts = [_number(stated.get(name)) for name in ("layers", "kv_heads", "head_size")]
    layers, heads, size = parts
    context = _number(entry.get("max_context_advertised"))
    return ListedModel(
        id=id,
        parameters=parameters,
        embeddings=min(_number(stated.get("embeddings")) or 0.0, parameters),
        token=int(layers * heads * size * 2 * 2) if layers and heads and size else None,
        context=int(context) if context else None,
        quants=_quants(entry.get("quants")),
    )


def _by_name(name: str) -> float | None:
    """The billions of parameters that a name states; an upper bound for a mixture of experts, which shares some of
    them.
    """
    match = _SIZE.search(name[:LONGEST_NAME])
    return float(match[2]) * int(match[1] or 1) or None if match else None


def _number(value: object) -> float | None:
    """A positive number, which may be a text; None for anything else."""
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except ValueError:
        return None
    return number if 0 < number < 1e9 else None


def _quants(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        return {}
    return {
        str(name): tuple(safe(str(one), LONGEST_NAME) for one in islice(found, MOST_REPOSITORIES))
        for name, found in islice(value.items(), MOST_MODELS)
        if isinstance(found, list)
    }
