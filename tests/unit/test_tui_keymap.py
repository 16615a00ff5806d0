"""The registry of actions and the keys: no key has two meanings, and everything has its texts."""

from pathlib import Path

import pytest

from console.actions.action import GROUPS, Action, Level
from console.errors import ConsoleError
from console.keymap_file import FIXED, RESERVED, keymap_path, read_keymap
from console.screens.keymap import Keymap
from console.screens.registry import ACTIONS, CONTEXTS, DIALOG, PLACES, SCREENS, ScreenSpec, actions_of
from tests.unit.tui_helpers import snapshot

NAVIGATION = {"j", "k", "h", "l", "g", "G", "/", ":", "?", "escape", "enter"}
OWNERS = {
    "j": "nav.down",
    "k": "nav.up",
    "h": "nav.left",
    "l": "nav.right",
    "g": "nav.top",
    "G": "nav.bottom",
    "?": "help",
    ":": "palette",
}


def test_no_key_means_two_things_on_one_screen() -> None:
    assert list(Keymap().conflicts()) == []


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_every_action_has_its_words_and_no_reserved_key(action: Action) -> None:
    assert action.label
    assert action.about.endswith(".")
    assert action.about[0].isupper()
    assert action.group in GROUPS
    assert not RESERVED.keys() & set(action.keys)
    assert any(action in actions_of(screen) for screen in (*SCREENS, DIALOG))
    assert isinstance(action.why_not(snapshot()), str)


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_the_keys_to_move_with_never_mean_anything_else(action: Action) -> None:
    for key, owner in OWNERS.items():
        assert key not in action.keys or action.id == owner


def test_what_writes_to_the_chain_is_not_a_single_key_and_is_asked_for() -> None:
    for action in ACTIONS.values():
        if action.level >= Level.ASKED:
            assert action.label.endswith("…")
        if action.level is Level.TYPED:
            assert action.keys == ()


def test_every_place_has_a_digit_and_a_screen() -> None:
    assert [ACTIONS[f"go.{place.name}"].keys for place in PLACES] == [(str(n),) for n in range(1, len(PLACES) + 1)]
    assert all(screen.under in {place.name for place in PLACES} for screen in SCREENS.values() if screen.under)


def test_ids_are_unique() -> None:
    assert len(ACTIONS) == sum(len(context.actions) for context in CONTEXTS)
    for screen in (*SCREENS, DIALOG):
        ids = [action.id for action in actions_of(screen)]
        assert len(ids) == len(set(ids))


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_a_file_the_keys_are_the_usual_ones(own_home: Path) -> None:
    keymap = read_keymap(keymap_path())
    assert keymap.keys("view.filter") == ("/",)
    assert keymap_path().is_relative_to(own_home)


def test_a_file_changes_what_it_names(tmp_path: Path) -> None:
    keymap = read_keymap(written(tmp_path / "keymap.toml", '"view.filter" = ["f5", "/"]\n"app.mouse" = []\n'))
    assert keymap.shown("view.filter") == "f5"
    assert keymap.shown("app.mouse") == ""
    assert keymap.shown("nav.open") == "enter"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('"view.filter" = ["p"]', "key 'p' means both view.filter and view.pause"),
        ('"view.filtre" = ["f"]', "there is no action 'view.filtre', did you mean 'view.filter'?"),
        ('"view.filter" = ["ctrl+s"]', "cannot have 'ctrl+s': terminals use it for flow control"),
        ('"nav.back" = ["b"]', "nav.back keeps its key"),
        ('"view.filter" = "f"', "each line is an action and its keys"),
        ('"view.filter" = [', ":1: not valid TOML"),
        ("a = " + "[" * 5000, "is not valid TOML"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConsoleError) as error:
        read_keymap(written(tmp_path / "keymap.toml", text))
    assert str(tmp_path) in str(error.value)
    assert complaint in str(error.value)


def test_what_is_not_text_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    path.write_bytes(b'# mine\n"view.filter" = ["\xff"]\n')
    with pytest.raises(ConsoleError, match=r"keymap\.toml:2: not UTF-8 text"):
        read_keymap(path)


def test_the_ways_out_are_among_the_actions() -> None:
    assert ACTIONS.keys() >= FIXED


def test_the_class_of_a_screen_follows_from_its_name() -> None:
    assert ScreenSpec(name="two_words").class_name == "TwoWordsScreen"
