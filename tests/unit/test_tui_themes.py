"""The theme files: each of them readable for everybody; and what happens with a bad one."""

from itertools import combinations
from pathlib import Path

import pytest

from console.present.text import text_of
from console.screens.base import ConsoleScreen
from console.screens.theme_picker.content import DISTINCT, READABLE, Blindness, contrast, distance, sample
from console.themes import SHIPPED, ThemeError, ThemeFile, read_theme, theme_files
from console.tui.app import ConsoleApp
from console.tui.stylesheet import Themes
from console.widgets.panel import Panel
from tests.unit.tui_helpers import NARROW, app_of, attention, screen_text, snapshot, toasts

FILES = {path.stem: read_theme(path) for path in SHIPPED.glob("*.toml")}
COLOURED = {name: file for name, file in FILES.items() if not file.ansi}
FOR_THE_COLOUR_BLIND = ("blue-orange", "paper-blue")
VISIBLE = 3.0
"""WCAG AA for what is no text, such as a frame."""
TEXTS = ("text", "muted", "accent", "ok", "warn", "err", "info")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_distance_is_that_of_cielab() -> None:
    assert distance("#ff0000", "#00ff00") == pytest.approx(170.6, abs=0.5)
    assert distance("#123456", "#123456") == 0


def test_red_and_green_are_nearer_for_the_colour_blind() -> None:
    far = distance("#c04040", "#408040")
    assert distance("#c04040", "#408040", "deuteranopia") < far / 2
    assert distance("#c04040", "#408040", "protanopia") < far / 2


def test_there_are_themes_for_everybody() -> None:
    assert {"night", "day", "high-contrast", "ansi", "mono", *FOR_THE_COLOUR_BLIND} <= FILES.keys()
    assert {file.dark for file in COLOURED.values()} == {True, False}


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize("ground", ["background", "panel"])
def test_everything_can_be_read(name: str, ground: str) -> None:
    colours = COLOURED[name].colours
    shown = [getattr(colours, text) for text in TEXTS] + list(colours.clusters)
    assert min(contrast(colour, getattr(colours, ground)) for colour in shown) >= READABLE
    assert contrast(colours.cursor_text, colours.cursor) >= READABLE


@pytest.mark.parametrize("name", COLOURED)
def test_states_look_different(name: str) -> None:
    colours = COLOURED[name].colours
    assert min(distance(*pair) for pair in combinations((colours.ok, colours.warn, colours.err), 2)) >= DISTINCT


@pytest.mark.parametrize("name", FOR_THE_COLOUR_BLIND)
@pytest.mark.parametrize("blindness", ["deuteranopia", "protanopia"])
def test_states_look_different_to_the_colour_blind(name: str, blindness: Blindness) -> None:
    colours = FILES[name].colours
    pairs = combinations((colours.ok, colours.warn, colours.err), 2)
    assert min(distance(*pair, blindness) for pair in pairs) >= DISTINCT


@pytest.mark.parametrize("name", COLOURED)
def test_clusters_have_colours_of_their_own_and_no_states(name: str) -> None:
    colours = COLOURED[name].colours
    shown = dict.fromkeys(colours.clusters)
    states = (colours.accent, colours.ok, colours.warn, colours.err)
    assert min(distance(cluster, state) for cluster in shown for state in states) >= DISTINCT
    assert min(distance(*pair) for pair in combinations(shown, 2)) >= DISTINCT


def test_high_contrast_is_that() -> None:
    colours = FILES["high-contrast"].colours
    assert min(contrast(getattr(colours, text), colours.background) for text in TEXTS) >= 7


@pytest.mark.parametrize("name", FILES)
def test_the_sample_of_a_theme_says_how_good_it_is(name: str) -> None:
    text = "\n".join(map(text_of, sample(FILES[name])))
    assert "the terminal decides" in text if FILES[name].ansi else "all at least 4.5 ✓" in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("about = ", "not valid TOML"),
        ('about = "x"\ndark = true', "missing required field `colours`"),
        ((SHIPPED / "night.toml").read_text().replace("#10141b", "[red]"), "`$.colours.background`"),
        ((SHIPPED / "night.toml").read_text() + "\ntypo = 1", "unknown field `typo`"),
        ("\xff", ":1: not UTF-8 text"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ThemeError, match=r"theme bad\.toml") as error:
        read_theme(path)
    assert complaint in str(error.value)


def own_theme(home: Path, name: str, text: str) -> Path:
    path = home / ".config" / "subnet-console" / "themes" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_users_theme_goes_before_ours_of_the_same_name(own_home: Path) -> None:
    mine = own_theme(own_home, "night.toml", (SHIPPED / "day.toml").read_text())
    assert mine in theme_files()
    assert SHIPPED / "night.toml" not in theme_files()


def test_only_what_changed_is_read_again(own_home: Path) -> None:
    themes = Themes()
    assert len(list(themes.changed())) == len(FILES)
    assert list(themes.changed()) == []
    own_theme(own_home, "mine.toml", (SHIPPED / "day.toml").read_text())
    assert [theme.name for theme in themes.changed() if not isinstance(theme, ThemeError)] == ["mine"]


async def test_a_theme_is_seen_while_it_is_chosen_and_escape_brings_the_old_one_back(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("T")
        await pilot.press("g")
        first = sorted(FILES)[0]
        assert app.theme == first
        assert FILES[first].about in screen_text(app)
        await pilot.press("escape")
        assert app.theme == "night"
        await pilot.press("T", "j", "enter")
        assert app.theme == sorted(FILES)[sorted(FILES).index("night") + 1]


async def test_a_broken_file_is_a_message_and_a_mended_one_is_shown_at_once(tmp_path: Path, own_home: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        path = own_theme(own_home, "mine.toml", "dark = [/foo]")
        app.theme_files()
        await pilot.pause()
        assert "theme mine.toml:1: not valid TOML" in toasts(app)[-1]
        path.write_text((SHIPPED / "day.toml").read_text())
        app.theme_files()
        await pilot.press(":", *"theme mine", "enter")
        assert app.theme == "mine"
        path.write_text((SHIPPED / "ember.toml").read_text())
        app.theme_files()
        await pilot.pause()
        assert app.screen.styles.background.hex.lower() == FILES["ember"].colours.background


@pytest.mark.parametrize("name", FILES)
async def test_every_screen_works_in_every_theme(name: str, tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        app.theme_files()
        app.theme = name
        await pilot.press("3")
        assert "miner-1" in screen_text(app)


LOOKED_AT = (["3", "space"], ["4"], ["1"], ["slash", "a"], ["escape", "question_mark"], ["escape", "colon", "m"],
             ["escape", "T"], ["escape", "4", "x"], ["w"])  # fmt: skip
"""Keys to screens, one after the other, and to dialogs over them."""


def unreadable(app: ConsoleApp) -> set[tuple[str, ...]]:
    """What stands on the screen, or in the dialog over it, in colours that are too near: text and both colours."""
    shown = app.screen.region if isinstance(app.screen, ConsoleScreen) else app.screen.query_one(Panel).region
    strips = app.screen._compositor.render_strips()[shown.y : shown.bottom]
    pieces = (piece for strip in strips for piece in strip.crop(shown.x, shown.right))
    return {
        (text, *colours)
        for text, style, _ in pieces
        if any(map(str.isalnum, text)) and style is not None
        for colours in [tuple(one.triplet.hex for one in (style.color, style.bgcolor) if one and one.triplet)]
        if len(colours) != 2 or contrast(*colours) < READABLE
    }


@pytest.mark.parametrize("name", COLOURED)
async def test_every_pair_of_colours_that_occurs_can_be_read(name: str, tmp_path: Path) -> None:
    app = app_of(snapshot(attention=(attention(1), attention(2, level="error"))), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        app.theme_files()
        app.theme = name
        for keys in LOOKED_AT:
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
            assert unreadable(app) == set(), keys


@pytest.mark.parametrize("name", COLOURED)
def test_where_the_focus_is_can_be_seen(name: str) -> None:
    colours = COLOURED[name].colours
    assert contrast(colours.focus, colours.background) >= VISIBLE


async def test_the_sheet_is_read_again_for_another_theme_alone(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        first = {id(rule): rule for rule in app.stylesheet.rules if not rule.is_default_rules}
        await pilot.press("3")
        kept = first.keys() & {id(rule) for rule in app.stylesheet.rules}
        assert len(kept) > 0.9 * len(first)
        app.theme_files()
        app.theme = "ember"
        await pilot.pause()
        assert first.keys().isdisjoint(id(rule) for rule in app.stylesheet.rules)
        await pilot.press("1")
        assert app.screen.styles.background.hex.lower() == FILES["ember"].colours.background


def test_the_file_of_a_theme_is_a_value() -> None:
    assert isinstance(FILES["night"], ThemeFile)
    assert FILES["night"] == read_theme(SHIPPED / "night.toml")
