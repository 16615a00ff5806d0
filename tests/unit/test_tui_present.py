"""Text without a terminal: numbers in words, lines that fit, filters, tables, what stands around every screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.instants import duration
from console.present import formats, states
from console.present.picture import Picture
from console.present.table import Term, View, arrange, as_csv, caption, parse, place
from console.present.text import CLUSTERS, TONES, Span, cut, fit, line, spread, text_of, width_of
from console.screens.challenges.content import ROUNDS
from console.screens.chrome import footer, header, tabs
from console.screens.home import content as home
from console.screens.miners.content import MINERS
from console.screens.registry import SCREENS
from engine.snapshot import About, AboutKind, ChainView, ServiceView
from engine.text import cells, safe
from tests.unit.tui_helpers import NOW, attention, judged, miner, snapshot

TEXTS = st.text(max_size=30).map(safe)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0s"), (0, "0s"), (59, "59s"), (60, "1m00s"), (3600 * 4 + 720, "4h12m"), (86_400 * 3 + 3600 * 4, "3d04h")],
)
def test_durations_have_two_units_at_most(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("ms", "said"), [(0, "-"), (0.4, "0ms"), (212.4, "212ms"), (999.4, "999ms"), (999.6, "1.0s"), (61_000, "61.0s")]
)
def test_milliseconds_become_seconds(ms: float, said: str) -> None:
    assert formats.milliseconds(ms) == said


def test_an_address_shows_both_its_ends() -> None:
    assert formats.hotkey("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty") == "5FHn…94ty"
    assert formats.hotkey("short") == "short"
    assert formats.hotkey("") == "-"


def test_tokens_weights_and_blocks() -> None:
    assert formats.tau(12_410.2) == "τ12,410"
    assert formats.tau(3.2181) == "τ3.218"
    assert (formats.tau(0.0005), formats.tau(0.0)) == ("τ0.0005", "τ0.000")
    assert formats.share(0.0156) == ".0156"
    assert formats.share(1.0) == "1.0000"
    assert formats.share(0.0) == "-"
    assert formats.blocks(62, 12.0) == "62 blk 12m24s"
    assert formats.countdown(40.2) == "00:41"


@given(st.lists(st.floats(0, 100), max_size=40), st.integers(1, 30))
def test_a_spark_has_a_cell_for_each_of_the_last_values(values: list[float], width: int) -> None:
    drawn = formats.spark(values, width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= set(formats.SPARKS)


@given(st.floats(-1, 2), st.integers(1, 30))
def test_bars_and_gauges_keep_their_width(fraction: float, width: int) -> None:
    assert len(formats.bar(fraction, width)) == width
    assert len(formats.gauge(fraction, width)) == width


def test_a_bar_is_filled_to_an_eighth() -> None:
    assert formats.bar(0.5, 4) == "██  "
    assert formats.bar(1 / 32, 4) == "▏   "
    assert formats.gauge(0.5, 4) == "▮▮▯▯"


@given(TEXTS, st.integers(1, 40))
def test_what_is_fitted_takes_exactly_its_cells(text: str, width: int) -> None:
    assert cells(fit(text, width)) == width
    assert cells(fit(text, width, "right")) == width


@given(st.lists(TEXTS, max_size=4), st.integers(1, 40))
def test_what_is_cut_takes_no_more_than_its_cells(texts: list[str], width: int) -> None:
    content = line(*(Span(text, "ok") for text in texts))
    assert width_of(cut(content, width)) <= max(width, 0)


def test_what_is_cut_is_marked() -> None:
    assert text_of(cut(line("abc", Span("def", "ok")), 5)) == "abcd…"


def test_of_two_ends_the_right_one_stays() -> None:
    assert text_of(spread(line("left"), line("right"), 12)) == "left   right"
    assert text_of(spread(line("much too long"), line("right"), 12)) == "much … right"


def test_the_clusters_have_tones() -> None:
    assert len(CLUSTERS) == 6
    assert set(CLUSTERS) < set(TONES)


# -- filters and tables --------------------------------------------------------------------------------------------

SOME = (
    miner(1, ema=0.9, name="strong-1"),
    miner(2, ema=0.2, name="lazy-1", state="stale"),
    miner(12, ema=0.5, name="strong-2", state="silent", note="10.0.0.7:8091 refused"),
)


def uids(filter: str, sort: str = "uid", *, descending: bool = False) -> list[int]:
    return [one.uid for one in arrange(MINERS, SOME, View(sort, descending, filter), NOW)]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("", [1, 2, 12]),
        ("strong", [1, 12]),
        ("STRONG silent", [12]),
        ("!strong", [2]),
        ("uid:1", [1]),
        ("state:stale", [2]),
        ("!state:active", [2, 12]),
        ("ema:>0.4", [1, 12]),
        ("ema:<0.4", [2]),
        ("ema:>x", []),
        ("name:>0.4", []),
        ("10.0.0.7:8091", [12]),
        ("nofield:x", []),
        ("!", []),
    ],
)
def test_filters(filter: str, found: list[int]) -> None:
    assert uids(filter) == found


@given(st.text(max_size=40))
def test_any_text_is_a_filter(text: str) -> None:
    terms = parse(text, MINERS.fields)
    assert all(isinstance(term, Term) for term in terms)
    arrange(MINERS, SOME, View("uid", filter=text), NOW)


@pytest.mark.parametrize("column", sorted(MINERS.fields))
def test_every_column_of_miners_sorts_and_fits(column: str) -> None:
    assert len(uids("", column, descending=True)) == 3
    for one in SOME:
        placed = MINERS.column(column)
        assert cells(placed.cell(one, NOW).text) <= max(placed.width, 21)


@pytest.mark.parametrize("column", sorted(ROUNDS.fields))
def test_every_column_of_rounds_sorts(column: str) -> None:
    rounds = [judged(1), judged(2, winner_uid=None), judged(3, recorded=False), judged(4, answered=0, clusters=())]
    assert len(arrange(ROUNDS, rounds, View(column), NOW)) == 4


def test_equals_keep_their_order() -> None:
    rows = [miner(uid, ema=0.5) for uid in (3, 1, 2)]
    assert [one.uid for one in arrange(MINERS, rows, View("ema", True), NOW)] == [3, 1, 2]


@pytest.mark.parametrize("width", [10, 30, 58, 78, 118, 158, 300])
def test_columns_fit_and_the_most_important_stay(width: int) -> None:
    placed = place(MINERS.columns, width)
    assert sum(one.width for one in placed) + len(placed) - 1 <= max(width, 30)
    assert {"uid", "ema", "state"} <= {one.column.id for one in placed}


def test_shifted_columns_keep_the_first() -> None:
    placed = place(MINERS.columns, 78, shift=5)
    assert [one.column.id for one in placed][:2] == ["uid", MINERS.columns[6].id]


def test_a_caption_says_sort_filter_and_count() -> None:
    assert caption(View("ema", True), MINERS, 3, 3) == "sort EMA ▼  3"
    assert caption(View("uid", False, "uid:1"), MINERS, 1, 3) == "sort UID ▲  filter uid:1  1 of 3"


def test_csv_has_what_is_shown_and_no_formula() -> None:
    view = View("uid", hidden=MINERS.fields - {"uid", "name"})
    assert as_csv(MINERS, [miner(1, name="=1+1")], view, NOW) == "uid,name\n1,'=1+1\n"


# -- around every screen -------------------------------------------------------------------------------------------


def test_the_header_says_who_runs_where_and_whether_it_is_live() -> None:
    text = text_of(header(Picture(snapshot(), NOW), 80))
    assert text == f"{' subnet-console validator sn1@embedded  ● RUN 1m00s  blk 100 +0s':74} LIVE "
    assert len(text) == 80


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (100, " subnet-console validator sn58@finney  ● RUN 3d11h  blk 5,123,456 +0s  READ-ONLY"),
        (60, " sn58@finney  ● RUN 3d11h  blk 5,123,456  READ-ONLY"),
        (52, " sn58@finney  ● RUN  blk 5,123,456  READ-ONLY"),
        (40, " sn58@finney  ● RUN  READ-ONLY"),
        (26, "  ● RUN  READ-ONLY"),
    ],
)
def test_the_header_keeps_what_matters_most_where_there_is_little_room(width: int, said: str) -> None:
    chain = replace(snapshot().chain, network="finney", netuid=58, block=5_123_456, tempo=360)
    shown = header(Picture(snapshot(chain=chain, started_at=NOW - 300_000, read_only=True), NOW), width)
    assert text_of(shown) == f"{said:{width - 6}} LIVE "


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"paused": True}, "▲ PAUSED"),
        ({"services": ()}, "◌ STARTING"),
        ({"services": (ServiceView(name="store", state="failed", since=NOW),)}, "✗ FAILED"),
        ({"services": (ServiceView(name="store", state="backing_off", since=NOW),)}, "▲ RECOVERING"),
        ({"read_only": True}, "READ-ONLY"),
    ],
)
def test_the_header_says_what_is_the_matter(changes: dict[str, object], said: str) -> None:
    assert said in text_of(header(Picture(snapshot(**changes), NOW), 80))


def test_the_header_does_not_call_live_what_an_engine_that_hangs_said_last() -> None:
    assert text_of(header(Picture(snapshot(), NOW + 0.5), 80)).endswith(" LIVE ")
    assert text_of(header(Picture(snapshot(), NOW + 2.5), 80)).endswith(" LIVE -2s ")
    text = text_of(header(Picture(snapshot(), NOW + 12), 80))
    assert "✗ SILENT" in text and "RUN" not in text
    assert text.endswith(" 12s OLD ")
    loading = text_of(header(Picture(snapshot(services=()), NOW + 12), 80))
    assert "◌ STARTING" in loading and loading.endswith(" LIVE ")
    assert "OLD" not in text_of(header(Picture(snapshot(), NOW + 12, "ended"), 80))


@pytest.mark.parametrize(
    ("next_epoch", "said"),
    [(5_123_466, "tempo 350/360"), (5_123_455, "tempo 360/360"), (5_124_000, "tempo 0/360"), (0, "")],
    ids=["on its way", "due", "put off by an owner", "unknown"],
)
def test_the_header_counts_an_epoch_as_the_chain_does(next_epoch: int, said: str) -> None:
    chain = replace(snapshot().chain, block=5_123_456, tempo=360, next_epoch=next_epoch)
    shown = text_of(header(Picture(snapshot(chain=chain), NOW), 160))
    assert said in shown
    assert ("tempo" in shown) == bool(said)


def test_a_paused_picture_is_marked_on_the_narrowest_screen() -> None:
    text = text_of(header(Picture(snapshot(), NOW, "paused", 12.0), 40))
    assert text.endswith("FROZEN +12s ")
    assert width_of(header(Picture(snapshot(), NOW, "paused", 12.0), 40)) == 40


def test_before_anything_runs_nothing_is_called_missing() -> None:
    coming = Picture(snapshot(services=(), chain=ChainView(), rounds_done=0), NOW)
    assert text_of(header(coming, 80)).split()[:4] == ["subnet-console", "validator", "◌", "STARTING"]
    assert texts(home.chain(coming)) == "endpoint  ◌ connecting"


def test_tabs_show_where_we_are_and_what_waits() -> None:
    text = text_of(tabs("miners", 2, 80))
    assert "[3 Miners]" in text
    assert "1 Home ▲2" in text
    assert text_of(tabs("setup", 2, 40)).split() == ["1", "▲2", "2", "3", "4", "5", "6", "[7", "Setup]"]
    assert width_of(tabs("miners", 2, 20)) <= 20


@given(
    st.lists(st.tuples(st.sampled_from(["?", "ctrl+p"]), st.sampled_from(["help", "a longer one"]))), st.integers(4, 90)
)
def test_a_footer_shows_whole_hints_that_fit(hints: list[tuple[str, str]], width: int) -> None:
    shown = footer(hints, width)
    assert len(text_of(shown).rstrip()) <= width


# -- Home ----------------------------------------------------------------------------------------------------------


def texts(lines: list[tuple[Span, ...]]) -> str:
    return "\n".join(text_of(one).rstrip() for one in lines)


def test_a_miners_home_says_how_its_server_does() -> None:
    text = texts(home.engine(Picture(snapshot(role="miner", rounds=()), NOW)))
    assert [one.split()[0] for one in text.splitlines()] == [
        "services", "loop", "server", "backend", "load", "answers", "hotkey",
    ]  # fmt: skip
    on_chain = texts(home.chain(Picture(snapshot(role="miner"), NOW)))
    assert [one.split()[0] for one in on_chain.splitlines()] == [
        "endpoint", "neuron", "stake", "incentive", "axon", "epoch", "balance",
    ]  # fmt: skip


def test_attention_is_one_line_each_the_newest_first_and_counted() -> None:
    shown = snapshot(attention=(attention(1), attention(2, count=3, level="error"), attention(3, acknowledged=True)))
    first, second = home.attention(home.waiting(shown), 76)
    assert text_of(first).startswith("✗ ERR")
    assert text_of(first).rstrip().endswith("×3")
    assert "store: trouble 1" in text_of(second)
    assert width_of(first) <= 76


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ema": 0.5, "rounds": 9}, "active"),
        ({"ema": 0.0, "rounds": 9}, "unpaid"),
        ({"ema": 0.0004, "rounds": 9}, "unpaid"),
        ({"ema": 0.0, "rounds": 0}, "active"),
        ({"ema": 0.0, "rounds": 9, "state": "stale"}, "stale"),
        ({"ema": 0.03, "rounds": 9, "suspected": "copies"}, "copies"),
        ({"ema": 0.0, "rounds": 9, "suspected": "as one"}, "sybil"),
        ({"ema": 0.0, "rounds": 9, "suspected": "as one", "state": "silent"}, "silent"),
    ],
)
def test_the_state_of_a_miner_says_what_matters_most_of_it(changes: dict[str, object], word: str) -> None:
    assert states.of_miner(miner(1, **changes)).word == word


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "scored"),
        ({"agreement": 0.5}, "split"),
        ({"agreement": 0.5, "known": True}, "scored"),
        ({"recorded": False}, "not stored"),
        ({"answered": 0}, "no answer"),
    ],
)
def test_a_round_has_one_state(changes: dict[str, object], word: str) -> None:
    assert states.of_round(judged(1, **changes)).word == word


@pytest.mark.parametrize(
    ("about", "place"),
    [
        (About("weights"), ("weights",)),
        (About("miner", "5Hot"), ("miner", "5Hot")),
        (About("suspects", "5Hot"), ("suspects", "5Hot")),
        (About("round", "c-7"), ("challenge", "c-7")),
        (About("setting", "encoder"), ("setup", "encoder")),
        (None, ("logs", "store: weights of miner 88: disk full")),
    ],
)
def test_an_attention_leads_to_its_subject_whatever_its_words(about: About | None, place: tuple[str, ...]) -> None:
    assert home.place_of(attention(1, text="weights of miner 88: disk full", about=about)) == place


@pytest.mark.parametrize("kind", AboutKind.__args__)  # type: ignore[attr-defined]
def test_there_is_a_screen_for_all_that_an_attention_can_be_about(kind: AboutKind) -> None:
    assert home.PLACES[kind] in SCREENS


@pytest.mark.parametrize(
    ("count", "things", "text"),
    [
        (0, ("round",), "0 rounds"),
        (1, ("round",), "1 round"),
        (1200, ("round",), "1,200 rounds"),
        (2, ("reply", "replies"), "2 replies"),
    ],
)
def test_one_thing_is_not_said_to_be_many(count: int, things: tuple[str, ...], text: str) -> None:
    assert formats.counted(count, *things) == text
