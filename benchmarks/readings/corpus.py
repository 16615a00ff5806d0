"""The pairs of truth and reply in this folder's files, each with the wording that it stands for."""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

FOLDER = Path(__file__).parent
HALVES = ("dev", "kept")
"""Every second question, with every second wording: one half may be looked at, the other only counted."""

HELD = "held"
"""Replies of a later corpus, which are only counted as well."""


T = TypeVar("T")


class Pair(Struct, frozen=True):
    """A reply, and whether it answers the question. `wording` is shared by pairs that are likely to fail together."""

    type: str
    question: str
    truth: str
    lures: tuple[str, ...]
    reply: str
    right: bool
    wording: str


class _Fact(Struct, frozen=True):
    type: str
    question: str
    fields: dict[str, list[str]]

    def pair(self, reply: str, *, right: bool, wording: str) -> Pair:
        truth, lures = self.fields["t"][0], tuple(self.fields.get("l", ()))
        return Pair(self.type, self.question, truth, lures, reply, right, wording)


def pairs(half: str, folder: Path = FOLDER) -> Iterator[Pair]:
    """All pairs of a half, or of the held corpus, always the same ones."""
    if half == HELD:
        yield from _written(_facts(folder / "held.txt"))
        return
    yield from _written(_half(_facts(folder / "written.txt"), half))
    yield from framed(half, "frames.txt", folder)
    polarity = _sections(folder / "polarity.txt")
    for fact in _half(_read(polarity["facts"], "yes_no"), half):
        yield from _polar(fact, {name: _half(frames, half) for name, frames in polarity.items() if name != "facts"})


def framed(half: str, name: str, folder: Path = FOLDER) -> Iterator[Pair]:
    """The pairs of a half that a file of wordings makes of the facts."""
    lots = random.Random(half)
    wordings = _sections(folder / name)
    for fact in _half(_facts(folder / "facts.txt"), half):
        for frame in _half(wordings["states"], half):
            yield from _stated(fact, frame, lots)
        for frame in _half(wordings["misleads"], half):
            right, wrong = lots.choice(fact.fields["v"]), lots.choice(fact.fields["w"])
            if text := _framed(frame, fact, right, wrong):
                yield fact.pair(text, right=False, wording=frame)


def _written(facts: list[_Fact]) -> Iterator[Pair]:
    for fact in facts:
        for mark, right in (("+", True), ("-", False)):
            for text in fact.fields.get(mark, ()):
                yield fact.pair(text, right=right, wording=text)


def _stated(fact: _Fact, frame: str, lots: random.Random) -> Iterator[Pair]:
    right, wrong = lots.choice(fact.fields["v"]), lots.choice(fact.fields["w"])
    if text := _framed(frame, fact, right, wrong):
        yield fact.pair(text, right=True, wording=frame)
    if text := _framed(frame, fact, wrong, right):
        yield fact.pair(text, right=False, wording=frame)


def _framed(frame: str, fact: _Fact, value: str, other: str) -> str | None:
    """The frame filled in; None where the mark-up of the two would clash, as no model writes it."""
    marked = ("\\", "$", '"', "{", "`")
    if any(mark in value for mark in marked) and any(mark in frame for mark in (*marked[:3], '{"', "`", "|")):
        return None
    filled = frame
    for mark, said in (("{s}", value), ("{x}", other)):
        sentence = fact.fields["s"][0].replace("{v}", said)
        if frame.startswith((mark, f"**{mark}", "{v}")) or any(f"{end}{mark}" in frame for end in ("! ", ". ", "⏎**")):
            sentence = sentence[0].upper() + sentence[1:]
        filled = filled.replace(mark, sentence)
    return filled.replace("{v}", value).replace("{w}", other).replace("{q}", fact.question).replace("⏎", "\n")


def _polar(fact: _Fact, wordings: dict[str, list[str]]) -> Iterator[Pair]:
    holds = fact.fields["t"][0] == "yes"
    for frame in wordings["either"]:
        yield fact.pair(_sided(frame, fact, yes=holds), right=True, wording=frame)
        yield fact.pair(_sided(frame, fact, yes=not holds), right=False, wording=frame)
    for frame in wordings["misleads"]:
        yield fact.pair(_sided(frame, fact, yes=holds), right=False, wording=frame)
    for word in wordings["yes"]:
        yield fact.pair(_sided(word, fact, yes=True), right=holds, wording=word)
    for word in wordings["no"]:
        yield fact.pair(_sided(word, fact, yes=False), right=not holds, wording=word)


def _sided(frame: str, fact: _Fact, *, yes: bool) -> str:
    held, denied = (fact.fields[key][0] for key in ("sn" if yes else "ns"))
    why = fact.fields["a" if yes else "b"][0]
    word, other = ("yes", "no") if yes else ("no", "yes")
    said = {"s": held, "n": denied, "why": why, "yes": word, "no": other, "q": fact.question, "YES": word.upper()}
    said |= {name.capitalize(): text[0].upper() + text[1:] for name, text in said.items() if name.islower()}
    return re.sub(r"\{(\w+)\}", lambda match: said.get(match[1], match[0]), frame).replace("⏎", "\n")


def _half(items: list[T], half: str) -> list[T]:
    return items[HALVES.index(half) :: 2]


def _sections(path: Path) -> dict[str, list[str]]:
    """The lines below each [heading]."""
    found: dict[str, list[str]] = {}
    for line in _lines(path):
        if line.startswith("[") and line.endswith("]"):
            lines = found.setdefault(line[1:-1], [])
        else:
            lines.append(line)
    return found


def _facts(path: Path) -> list[_Fact]:
    return _read(_lines(path), "")


def _read(lines: list[str], kind: str) -> list[_Fact]:
    """The facts in lines of a mark, a blank and a text; values of `v` and `w` are divided by ¦."""
    facts: list[_Fact] = []
    for line in lines:
        mark, _, text = line.partition(" ")
        if mark == "@":
            kind = text
        elif mark == "?":
            facts.append(_Fact(kind, text.replace("⏎", "\n"), {}))
        else:
            texts = text.replace("⏎", "\n").split(" ¦ ") if mark in "vw" else [text.replace("⏎", "\n")]
            facts[-1].fields.setdefault(mark, []).extend(texts)
    return facts


def _lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]
