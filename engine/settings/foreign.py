"""Other programs' names for our settings: their values in our terms, and what became of each name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from engine.settings.names import LEFT, LLAMA_SERVER, LLAMA_SERVER_URL, SECTIONS, TAKEN, Taken, left
from engine.settings.setting import Given, Layer, nearest

BACKEND = "LLM_BACKEND"

State = Literal["taken", "overruled", "ignored", "dead", "unknown"]


class Name(Struct, frozen=True):
    """A variable of another program, with its value and place."""

    name: str
    given: Given
    in_file: bool

    @property
    def upper(self) -> str:
        """The name in upper case, as in the tables of names."""
        return self.name.upper()


class NameFate(Struct, frozen=True):
    """What became of a name: `setting` is the setting it stands for, `reason` says why it was not used."""

    name: str
    source: str
    state: State
    setting: str = ""
    reason: str = ""

    @property
    def text(self) -> str:
        """The fate in words, as in "taken as netuid" or "ignored: …"."""
        head = f"taken as {self.setting}" if self.state == "taken" else self.state
        return f"{head}: {self.reason}" if self.reason else head


def is_known(name: str, *, in_file: bool) -> bool:
    """Whether a name is to be accounted for. A `.env` file is for us, so every name in it is."""
    upper = name.upper()
    return in_file or upper in TAKEN or upper.startswith(SECTIONS) or left(upper, in_file=in_file) is not None


def their_backend(layers: Sequence[Sequence[Name]]) -> str:
    """The backend named in the first of `layers` that names one, in the other program's words; "" if none does."""
    named = (name for layer in layers for name in layer if name.upper == BACKEND and name.given.value)
    return next((str(name.given.value).strip().lower() for name in named), "")


def translated(names: Sequence[Name], backend: str) -> Layer:
    """The settings that one layer's names stand for; of the addresses, only that of `backend`, in their words."""
    given = {name.upper: name.given for name in names if name.given.value}
    layer: Layer = {}
    for upper, taken in TAKEN.items():
        if upper in given and taken.backend in ("", backend):
            layer.setdefault(taken.setting, _in_our_words(given[upper], taken))
    if backend == LLAMA_SERVER and BACKEND in given:
        layer.setdefault("backend_url", replace(given[BACKEND], value=LLAMA_SERVER_URL))
    return layer


def fates(names: Sequence[Name], backend: str, sources: Mapping[str, str]) -> Iterator[NameFate]:
    """What became of each of `names`, in order; `sources` says where each setting's value came from."""
    for name in names:
        yield _fate(name, backend, sources)


def _fate(name: Name, backend: str, sources: Mapping[str, str]) -> NameFate:
    source = name.given.source
    taken = TAKEN.get(name.upper)
    if taken is None and f"{name.upper}." in SECTIONS:
        return NameFate(name.name, source, "ignored", reason="not a valid JSON object: nothing in it is read")
    if taken is None:
        why = left(name.upper, in_file=name.in_file)
        if why is None:
            return NameFate(name.name, source, "unknown", reason=_unknown(name.upper))
        return NameFate(name.name, source, "dead" if why.dead else "ignored", reason=why.reason)
    if not name.given.value:
        return NameFate(name.name, source, "ignored", taken.setting, "it is empty")
    if taken.backend not in ("", backend):
        return NameFate(name.name, source, "ignored", taken.setting, f"only used with {BACKEND}={taken.backend}")
    if sources[taken.setting] != source:
        return NameFate(name.name, source, "overruled", taken.setting, f"{sources[taken.setting]} sets {taken.setting}")
    server = name.upper == BACKEND and backend == LLAMA_SERVER
    meant = f"the server of llama.cpp, at {LLAMA_SERVER_URL} unless backend_url says otherwise" if server else ""
    return NameFate(name.name, source, "taken", taken.setting, meant)


def _unknown(upper: str) -> str:
    return "none of the known programs has a setting of this name" + nearest(upper, (*TAKEN, *LEFT))


def _in_our_words(given: Given, taken: Taken) -> Given:
    value = str(given.value)
    value = taken.words.get(value.strip().lower(), value)
    if taken.behind:
        value = value.strip().rstrip("/").removesuffix(taken.behind) + taken.behind
    return replace(given, value=value)
