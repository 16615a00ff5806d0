"""The page of keys matches the registry."""

import runpy
from pathlib import Path

from console.keymap_file import read_keymap
from console.screens.registry import ACTIONS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_keys_is_up_to_date() -> None:
    module = runpy.run_path(str(DOCS / "keys.py"))
    page = (DOCS / "keys.md").read_text(encoding="utf-8")
    assert page == module["document"](), "run .venv/bin/python docs/keys.py"
    assert all(f"`{action_id}`" in page for action_id in ACTIONS)


def test_the_example_of_a_keymap_is_taken(tmp_path: Path) -> None:
    example = (DOCS / "keys.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    path = tmp_path / "keymap.toml"
    path.write_text(example)
    assert read_keymap(path).keys("engine.pause") == ("P",)
