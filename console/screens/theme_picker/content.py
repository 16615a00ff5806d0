"""A theme at a glance: its states, its bars, and how well its colours can be told apart."""

from itertools import combinations

from console.present import formats, states
from console.present.text import BLANK, CLUSTERS, Line, Span, line
from console.screens.theme_picker.contrast import DISTINCT, READABLE, contrast, distance
from console.themes import ThemeFile

WAVE = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.95, 1.0, 0.9, 0.7, 0.8, 0.95)


def sample(file: ThemeFile) -> list[Line]:
    """What the picker shows beside the names; it is painted in the theme itself."""
    return [
        line(*(part for state in states.MINERS.values() for part in (state.span, "  "))),
        line(*(part for state in states.LEVELS.values() for part in (state.span, "  "))),
        BLANK,
        line("EMA ", Span(formats.spark(WAVE, len(WAVE)), "accent"), "  ", Span(formats.bar(0.55, 12), "cluster-a")),
        line(*(Span(f"{letter}███ ", tone) for letter, tone in zip("ABCDEF", CLUSTERS, strict=True))),
        line(Span("muted words", "muted"), "  ", Span("a key", "key"), "  ", Span("a title", "title")),
        BLANK,
        *_checks(file),
    ]


def _checks(file: ThemeFile) -> list[Line]:
    colours = file.colours
    if file.ansi:
        return [line(Span("the terminal decides the colours", "muted"))]
    shown = {"text": colours.text, "muted": colours.muted, "ok": colours.ok, "warn": colours.warn, "err": colours.err}
    ratios = {name: contrast(colour, colours.background) for name, colour in shown.items()}
    worst = min(ratios.values())
    pairs = list(combinations((colours.ok, colours.warn, colours.err), 2))
    lines = [
        line(" ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items())),
        line("contrast: ", _verdict(f"all at least {READABLE}", worst >= READABLE)),
    ]
    for blindness in (None, "deuteranopia", "protanopia"):
        nearest = min(distance(one, other, blindness) for one, other in pairs)
        lines.append(line(f"{blindness or 'states'}: ", _verdict(f"Δ {nearest:.0f}", nearest >= DISTINCT)))
    return lines


def _verdict(text: str, good: bool) -> Span:
    return Span(f"{text} ✓", "ok") if good else Span(f"{text} ▲", "warn")
