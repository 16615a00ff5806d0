"""What the palette finds for the words that were typed: actions, themes, miners."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from console.actions.action import Action
from console.present import formats
from console.present.states import of_miner
from console.present.text import Line, Span, fit, line
from console.screens.help.content import choice
from console.screens.keymap import Keymap
from engine.snapshot import MinerView

MOST = 50
"""Rows of the list: nobody reads on, but types more letters."""

AT = "at"


class Match(Struct, frozen=True):
    """One thing that can be chosen: `kind` is "action", "theme", "miner", "instant" or "nothing".

    `name` is its id, name, hotkey, unix time, or why it is nothing.
    """

    kind: str
    name: str
    line: Line


def find(
    typed: str,
    *,
    actions: Iterable[Action],
    themes: Sequence[str],
    miners: Sequence[MinerView],
    keymap: Keymap,
    why_not: Callable[[str], str],
    instant: Callable[[str], float],
) -> list[Match]:
    """The best matches first: `uid 88` finds a miner, `theme night` a theme, `q` and `quit` how to leave.

    `at 14:05` finds what `instant` makes of it, or the ValueError that it raises.
    """
    words = typed.casefold().split()
    if words[:1] == [AT] and len(words) > 1:
        return [_moment(" ".join(typed.split()[1:]), instant, why_not(f"time.{AT}"))]
    found = [
        *((f"{one.id} {one.label} {' '.join(keymap.keys(one.id))}", one.about, _action(one)) for one in actions),
        *((f"theme {name}", "", _theme(name)) for name in themes),
        *((f"uid {one.uid} {one.name}", one.hotkey, _miner(one)) for one in (miners if words else ())),
    ]
    matches = [
        (_rank(words, name.casefold()), index, make)
        for index, (name, more, make) in enumerate(found)
        if all(word in name.casefold() or word in more.casefold() for word in words)
    ]
    return [make(keymap, why_not) for _rank_, _index, make in sorted(matches, key=lambda match: match[:2])[:MOST]]


def _moment(text: str, instant: Callable[[str], float], reason: str) -> Match:
    try:
        at = instant(text)
    except ValueError as error:
        reason = reason or str(error)
    if reason:
        return Match("nothing", reason, line(Span(f"{'':12}✗ {reason}", "muted")))
    return Match("instant", repr(at), line(f"{'':12}go to {formats.local(at)}", Span(f"  {formats.utc(at)}", "muted")))


def _rank(words: Sequence[str], name: str) -> int:
    """0 when every word is a word of the name, more the less that is so."""
    parts = name.replace(".", " ").split()
    return sum(0 if word in parts else 1 if any(part.startswith(word) for part in parts) else 3 for word in words)


Maker = Callable[[Keymap, Callable[[str], str]], Match]


def _action(action: Action) -> Maker:
    return lambda keymap, why_not: Match("action", action.id, choice(action, keymap, why_not(action.id)))


def _theme(name: str) -> Maker:
    return lambda _keymap, _why_not: Match("theme", name, line(f"{'':12}theme {name}"))


def _miner(miner: MinerView) -> Maker:
    content = line(
        f"{'':12}{fit(f'uid {miner.uid} {miner.name}', 30)} ",
        of_miner(miner).span,
        Span(f"  EMA {miner.ema:.4f}  {formats.hotkey(miner.hotkey)}", "muted"),
    )
    return lambda _keymap, _why_not: Match("miner", miner.hotkey, content)
