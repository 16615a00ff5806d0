"""The challenge in flight: a cell a miner, and the clock of the round."""

from collections import Counter
from collections.abc import Sequence

from console.instants import duration
from console.present import formats
from console.present.picture import Picture
from console.present.spots import Drawing, Spot
from console.present.states import State
from console.present.text import Line, Span, Tone, cut, fit, line, phrases, tone_of_cluster
from engine.snapshot import CellState, CellView, RoundProgress, RoundView, Snapshot
from engine.values import percentile

TILE, SHORT = 9, 6
"""Cells of a miner with its name and its time, and of one with its uid."""

USUAL = 20
"""The last rounds that say how long most answers take."""

STATES: dict[CellState, State] = {
    "answered": State("●", "answered", ""),
    "awaited": State("◌", "awaited", "info"),
    "late": State("✗", "late", "err"),
    "failed": State("✗", "failed", "err"),
    "excused": State("○", "busy", "muted"),
    "left out": State("○", "not asked", "muted"),
}
WORST_FIRST: tuple[CellState, ...] = ("failed", "late", "awaited", "answered", "excused", "left out")


def asked(snapshot: Snapshot) -> RoundProgress | None:
    """The round in flight, else the one that was judged last."""
    return snapshot.progress or snapshot.last_asked


def title(snapshot: Snapshot) -> str:
    """Which round is shown."""
    shown = asked(snapshot)
    if shown is None:
        return "Challenge in flight"
    number = snapshot.rounds_done + (not shown.judged)
    return f"{'Last challenge' if shown.judged else 'Challenge in flight'}  #{number:,} {shown.kind}"


def figures(snapshot: Snapshot) -> Line:
    """How many have answered, and what became of the others."""
    shown = asked(snapshot)
    if shown is None:
        return ()
    counts = Counter(cell.state for cell in shown.cells)
    back = f"{shown.answered + shown.failed} of {shown.asked} back"
    states = [(state, counts[of]) for of, state in STATES.items()]
    return phrases(
        "" if shown.judged else back,
        *(line(Span(state.glyph, state.tone), f" {count} {state.word}") for state, count in states if count),
    )


def flight(picture: Picture, names: dict[str, str], width: int, height: int, at: str) -> Drawing:
    """The question, a cell a miner, and the clock, as far as there is room: the question goes first, the clock last.

    `names` are the miners' by hotkey; the cursor is on the miner `at`.
    """
    shown = asked(picture.snapshot)
    if shown is None:
        return Drawing([_before(picture.snapshot)])
    cells = _Cells(shown, names, picture.now, width, at)
    question = [_question(shown, width)] if height >= 4 and shown.question else []
    room = max(0, height - 1 - len(question))
    lines, spots = cells.drawn(room, top=len(question))
    return Drawing([*question, *lines, clock(picture, shown, width)][:height], spots)


def _before(snapshot: Snapshot) -> Line:
    """What the panel is waiting for."""
    up, total = sum(one.state == "running" for one in snapshot.services), len(snapshot.services)
    if snapshot.replay is not None:
        return line(Span("○ not recorded: known only for the present", "muted"))
    if snapshot.paused:
        return line(Span("▲ paused", "warn"), Span(": x, then r, goes on", "muted"))
    if up < total or not total:
        return line(
            Span("◌", "info"), Span(f" the first question is sent once all services run: {up} of {total}", "muted")
        )
    return line(
        Span("◌", "info"), Span(" the first question is sent once it is known which miners can answer", "muted")
    )


def _question(shown: RoundProgress, width: int) -> Line:
    note = "  hidden: its answer is known to the validator" if shown.known else ""
    room = width - len(note)
    text = f"“{shown.question}”"
    if room < 30:
        return cut(line(text), width)
    return line(*cut(line(text), room), Span(note, "muted"))


class _Cells:
    """The miners of a round, as wide as there is room for all of them."""

    def __init__(self, shown: RoundProgress, names: dict[str, str], now: float, width: int, at: str) -> None:
        self._shown = shown
        self._names = names
        self._waited = max(0.0, now - shown.started_at) * 1000
        self._width = width
        self._at = at

    def drawn(self, room: int, top: int) -> tuple[list[Line], list[Spot]]:
        cells = sorted(self._shown.cells, key=lambda cell: cell.uid)
        for each, rows_each, draw in ((TILE, 2, self._tiles), (SHORT, 1, self._shorts)):
            a_row = max(1, self._width // each)
            if -(-len(cells) // a_row) * rows_each <= room:
                return draw(cells, a_row, top)
        return self._glyphs(cells, room, top)

    def _tiles(self, cells: Sequence[CellView], a_row: int, top: int) -> tuple[list[Line], list[Spot]]:
        """The name above, what came of the question below."""
        lines: list[Line] = []
        spots = []
        for start in range(0, len(cells), a_row):
            some = cells[start : start + a_row]
            spots += [Spot(cell.hotkey, x * TILE, top + len(lines), TILE, 2) for x, cell in enumerate(some)]
            lines.append(tuple(self._name(cell) for cell in some))
            lines.append(tuple(span for cell in some for span in self._outcome(cell)))
        return lines, spots

    def _name(self, cell: CellView) -> Span:
        name = formats.middle(self._names.get(cell.hotkey) or f"uid {cell.uid}", TILE - 1)
        return Span(fit(name, TILE), "key" if cell.hotkey == self._at else "muted")

    def _outcome(self, cell: CellView) -> tuple[Span, Span]:
        glyph = self._glyph(cell)
        match cell.state:
            case "answered":
                text = formats.milliseconds(cell.ms)
            case "awaited":
                text = f"{self._waited / 1000:.1f}s"
            case "left out":
                text = "rests"
            case _:
                text = cell.reason if cell.state == "failed" else STATES[cell.state].word
        return glyph, Span(
            fit(f" {text}", TILE - 1 - len(glyph.text)) + " ", "" if cell.state == "answered" else "muted"
        )

    def _shorts(self, cells: Sequence[CellView], a_row: int, top: int) -> tuple[list[Line], list[Spot]]:
        """The uid and a glyph."""
        lines: list[Line] = []
        spots = []
        for start in range(0, len(cells), a_row):
            some = cells[start : start + a_row]
            spots += [Spot(cell.hotkey, x * SHORT, top + len(lines), SHORT) for x, cell in enumerate(some)]
            tones: list[Tone] = ["key" if cell.hotkey == self._at else "muted" for cell in some]
            lines.append(
                tuple(
                    span
                    for cell, tone in zip(some, tones, strict=True)
                    for span in (Span(fit(str(cell.uid), SHORT - 2, "right"), tone), self._glyph(cell), Span(" "))
                )
            )
        return lines, spots

    def _glyphs(self, cells: Sequence[CellView], room: int, top: int) -> tuple[list[Line], list[Spot]]:
        """A glyph each, the worst first; how many have no room is said at the end."""
        if room <= 0:
            return [], []
        ordered = sorted(cells, key=lambda cell: WORST_FIRST.index(cell.state))
        space = self._width * room
        rest = f" +{len(cells) - space + 8:,}" if len(cells) > space else ""
        kept = ordered[: space - len(rest)]
        lines: list[Line] = []
        for start in range(0, len(kept), self._width):
            some = kept[start : start + self._width]
            marks = (
                Span(self._glyph(cell).text, "key") if cell.hotkey == self._at else self._glyph(cell) for cell in some
            )
            lines.append(tuple(marks))
        if rest:
            more = len(cells) - len(kept)
            lines[-1] = (*lines[-1], Span(f" +{more:,}"[: len(rest)], "muted"))
        spots = [Spot(cell.hotkey, at % self._width, top + at // self._width, 1) for at, cell in enumerate(kept)]
        return lines, spots

    def _glyph(self, cell: CellView) -> Span:
        """Its state; once it is judged, the letter of its cluster, · for none."""
        state = STATES[cell.state]
        if not self._shown.judged or cell.state != "answered":
            return Span(state.glyph, state.tone)
        return Span(cell.cluster[:1], tone_of_cluster(cell.cluster)) if cell.cluster else Span("·", "muted")


def clock(picture: Picture, shown: RoundProgress, width: int) -> Line:
    """How much of the time is gone, and by when most answers usually are there; between rounds, when the next comes."""
    snapshot = picture.snapshot
    if shown.judged:
        return _between(picture, shown, width)
    waited, limit = max(0.0, picture.now - shown.started_at), max(0.001, shown.limit_s)
    usual = usual_ms(snapshot.rounds) / 1000
    left, right = f"{waited:.1f} s ", f" {limit:.0f} s"
    note = f"  ┊ 95 % answer within {usual:.1f} s" if usual else ""
    room = width - len(left) - len(right) - len(note)
    if room < 20:
        note, room = "", width - len(left) - len(right)
    mark = min(room - 1, int(usual / limit * room)) if usual else -1
    return line(left, *bar(waited / limit, max(1, room), mark), right, Span(note, "muted"))


def bar(fraction: float, width: int, mark: int = -1) -> Line:
    """A part of a whole, with a mark at one of its cells."""
    full = round(min(1.0, max(0.0, fraction)) * width)
    cells = ["▰" if at < full else "▱" for at in range(width)]
    done, rest = "".join(cells[:full]), "".join(cells[full:])
    if 0 <= mark < full:
        done = done[:mark] + "┊" + done[mark + 1 :]
    elif full <= mark < width:
        rest = rest[: mark - full] + "┊" + rest[mark - full + 1 :]
    return line(Span(done, "accent"), Span(rest, "muted"))


def _between(picture: Picture, shown: RoundProgress, width: int) -> Line:
    snapshot = picture.snapshot
    if snapshot.paused:
        return line(Span("▲ paused", "warn"), Span(": x, then r, goes on", "muted"))
    if snapshot.next_round_at is None:
        return line(Span("◌", "info"), Span(" judged: the next question is about to be sent", "muted"))
    left = max(0.0, snapshot.next_round_at - picture.now)
    text = f"the next question in {duration(left + 0.999)} "
    whole = max(0.001, snapshot.next_round_at - shown.started_at)
    return line(Span(text, "muted"), *bar(1 - left / whole, max(1, width - len(text))))


def usual_ms(rounds: Sequence[RoundView]) -> float:
    """By when 95 % of the answers were there, in the middle one of the last rounds; 0 before any."""
    return percentile([one.p95_ms for one in sorted(rounds, key=lambda one: one.at)[-USUAL:] if one.p95_ms], 0.5)
