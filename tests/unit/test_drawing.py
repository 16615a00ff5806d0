"""A round as a picture: one mark per answer, the heat map's cells, and foreign text as nothing but text."""

import re
from collections import Counter
from itertools import combinations
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from msgspec.structs import replace

from console.drawing import cluster_map, heatmap, style
from console.drawing.cluster_map import Box
from console.drawing.page import file_name, picture
from console.screens.theme_picker.content import DISTINCT, Blindness, contrast, distance
from engine.scoring.likeness import compare
from engine.values import Round
from tests.unit.recorded_helpers import hotkey, judged, split_round
from tests.unit.store_helpers import a_reply, a_round, a_verdict
from tests.unit.svg_helpers import SVG, svg_of

NAMES = {hotkey(uid): f"miner-{uid}" for uid in range(1, 8)}
HOSTILE = "\x1b]0;title\x07<script>&amp;\"']]>\u202e\ud800\ufffe" + "\u0301" * 50


def drawn(round: Round) -> Element:
    return svg_of(picture(round, NAMES))


def marks(root: Element) -> list[Element]:
    """Those on the map; the legend's come after it, one for each cluster."""
    return [group for group in root.iter(f"{SVG}g") if group.get("class") == "mark"]


def texts(root: Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def place(mark: Element) -> tuple[str | None, str | None]:
    circle = mark.findall(f"{SVG}circle")[-1]
    return circle.get("cx"), circle.get("cy")


def many(count: int, clusters: int = 5) -> Round:
    """A third of the answers of each cluster are the same."""
    replies = [a_reply(uid, text=f"answer {uid % clusters if uid % 3 else uid}") for uid in range(count)]
    verdicts = [a_verdict(one, cluster=chr(ord("A") + one.uid % clusters)) for one in replies]
    rng = np.random.default_rng(7)
    vectors = {}
    for text in dict.fromkeys(one.text for one in replies):
        row = rng.normal(size=16)
        vectors[text] = (row / np.linalg.norm(row)).astype(np.float32)
    likeness = compare({at: one.text for at, one in enumerate(replies)}, vectors)
    return replace(judged(a_round(0, replies, verdicts)), likeness=likeness)


def test_the_picture_says_which_round_it_is_and_who_won() -> None:
    shown = texts(drawn(split_round()))
    assert shown[0] == "Round round-0"
    for fact in ("chat, number", "2026-02-02 02:40:00 UTC", "profile robust", "6 of 7 answered, 6 compared"):
        assert fact in shown[1]
    assert "★ winner uid 1 miner-1" in shown[1]
    assert shown[2] == "What is 41 plus 1?"


def test_each_answer_has_a_mark_with_its_clusters_letter_and_colour() -> None:
    root = drawn(split_round())
    on_map, legend = marks(root)[:6], marks(root)[6:]
    assert Counter(mark.findtext(f"{SVG}text") for mark in on_map) == {"A": 3, "B": 2, "–": 1}
    assert [mark.findtext(f"{SVG}text") for mark in legend] == ["A", "B", "–"]
    fills = {mark.findtext(f"{SVG}text"): mark.findall(f"{SVG}circle")[-1].get("fill") for mark in on_map}
    assert fills == {"A": style.CLUSTERS[0].fill, "B": style.CLUSTERS[1].fill, "–": style.PAPER}
    assert [len(mark.findall(f"{SVG}circle")) for mark in on_map].count(2) == 1, "the winner's second ring"
    assert (on_map[0].findtext(f"{SVG}title") or "").startswith("uid 1 miner-1, cluster A, winner: No, the year 1800")


def test_who_was_not_compared_is_named_with_the_reason() -> None:
    assert any(text.startswith("not compared: uid 7 miner-7: no answer in 9 s") for text in texts(drawn(split_round())))


def test_the_heat_map_has_a_cell_for_each_two_answers() -> None:
    count = 9
    cell = heatmap.cell_of(count)
    widths: list[int] = []
    for path in drawn(many(count)).iter(f"{SVG}path"):
        found = re.findall(rf"h(\d+)v{cell}h-", path.get("d") or "")
        widths += map(int, found)
    assert sum(widths) == count * count * cell
    numbers = [text for text in texts(drawn(many(count))) if re.fullmatch(r"1|\.\d\d", text)]
    assert len(numbers) >= count * count


@pytest.mark.parametrize("count", [0, 1, 2, 40, 256])
def test_any_number_of_answers_fits_in_the_picture(count: int) -> None:
    root = drawn(many(count))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    on_map = marks(root)[:count]
    assert len(on_map) == count
    assert len({place(mark) for mark in on_map}) == count, "equal answers stand side by side"
    for element in root.iter():
        x, y = float(element.get("cx", element.get("x", 0))), float(element.get("cy", element.get("y", 0)))
        assert 0 <= x <= width
        assert 0 <= y <= height


def test_a_crowd_of_equal_answers_stays_on_the_map() -> None:
    root = drawn(many(40, clusters=2))
    (frame,) = [rect for rect in root.iter(f"{SVG}rect") if rect.get("rx") == "6"]
    left, top, side = (float(frame.get(name, 0)) for name in ("x", "y", "width"))
    for mark in marks(root)[:40]:
        x, y = (float(value or 0) for value in place(mark))
        assert left < x < left + side
        assert top < y < top + side


def test_a_round_without_a_comparison_is_labelled() -> None:
    assert "no answer was compared" in texts(drawn(judged(a_round(0, [a_reply(1, status="timeout", text="")]))))


def test_labels_do_not_cover_marks_or_each_other() -> None:
    one, other = Box(0, 0, 10, 10), Box(9, 9, 20, 20)
    assert one.meets(other)
    assert not one.meets(Box(10, 0, 20, 10))
    assert one.within(Box(0, 0, 10, 10))
    assert not other.within(one)
    root = drawn(many(60))
    boxes = [
        (float(text.get("x", 0)), float(text.get("y", 0)))
        for text in root.iter(f"{SVG}text")
        if text.get("font-size") == str(cluster_map.LABEL_SIZE) and re.match(r"★?\d+,", text.text or "")
    ]
    assert len(boxes) == len(set(boxes)) >= 3


def test_foreign_text_is_text_and_nothing_else() -> None:
    plain = split_round()
    hostile = replace(
        plain,
        challenge=replace(
            plain.challenge,
            id=HOSTILE[:60],
            kind=HOSTILE,
            request=replace(plain.challenge.request, prompt=HOSTILE * 20),
        ),
        replies=tuple(replace(reply, text=HOSTILE, reason=HOSTILE) for reply in plain.replies),
        judgement=replace(
            plain.judgement,
            verdicts=tuple(replace(verdict, reasons=(HOSTILE,)) for verdict in plain.judgement.verdicts),
        ),
    )
    svg = picture(hostile, {hotkey(uid): HOSTILE for uid in range(9)})
    root = svg_of(svg)
    assert {element.tag for element in root.iter()} == {element.tag for element in drawn(plain).iter()}
    assert not [character for character in svg if character < " " and character != "\n"]
    assert not any(mark in svg for mark in "\x1b\u202e\ufffe")
    assert max(map(len, texts(root))) < 400


def test_a_file_is_named_for_its_round_whatever_the_id_holds() -> None:
    plain = split_round()
    assert file_name(plain) == "round-round-0.svg"
    odd = replace(plain, challenge=replace(plain.challenge, id="../../etc/passwd\n#2" + "x" * 300))
    assert re.fullmatch(r"round-\.\._\.\._etc_passwd__2x+\.svg", file_name(odd))
    assert len(file_name(odd)) < 100


def test_letters_can_be_read_on_their_colours() -> None:
    for colour in (*style.CLUSTERS, style.SMALLER, style.NONE, *(style.heat(level / 20) for level in range(21))):
        assert contrast(colour.ink, colour.fill) >= 3.0
    assert contrast(style.MUTED, style.PAPER) >= 4.5


@pytest.mark.parametrize("blindness", [None, "deuteranopia", "protanopia"])
def test_clusters_differ_for_every_eye(blindness: Blindness | None) -> None:
    fills = [colour.fill for colour in (*style.CLUSTERS, style.SMALLER)]
    assert min(distance(one, other, blindness) for one, other in combinations(fills, 2)) >= DISTINCT


def test_heat_darkens_with_likeness() -> None:
    shades = [style.heat(level / 10).fill for level in range(11)]
    brightness = [sum(int(shade[at : at + 2], 16) for at in (1, 3, 5)) for shade in shades]
    assert brightness == sorted(brightness, reverse=True)
    assert shades[0] == "#f7f8f5"
