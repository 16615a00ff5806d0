"""What must agree before a release: version, changelog, branch, tags."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import console

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)


def test_the_changelogs_newest_version_is_this_one_and_has_a_date() -> None:
    (unreleased, _), (version, date), *_ = SECTION.findall((ROOT / "CHANGELOG.md").read_text())
    assert (unreleased, version) == ("Unreleased", console.__version__)
    assert date


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean one, whose `scripts/test` fails."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "release", tmp_path / "scripts")
    (tmp_path / "scripts" / "test").write_text("#!/bin/sh\necho tests are run\nexit 3\n")
    (tmp_path / "scripts" / "test").chmod(0o755)
    (tmp_path / "pyproject.toml").write_text('version = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - 2026-12-02\n")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "All of it")


def released(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([folder / "scripts" / "release"], cwd=folder, capture_output=True, text=True, timeout=60)


def test_a_release_that_is_ready_is_tested_before_anything_is_built(checkout: Path) -> None:
    done = released(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (3, "tests are run\n", "")
    assert not (checkout / "dist").exists()


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([("tag", "v1.2.3")], "v1.2.3 is tagged already: raise the version first"),
        ([("switch", "--create", "another")], "this is not the branch main"),
        ([("mv", "CHANGELOG.md", "CHANGES.md")], "there are changes that are not committed"),
    ],
)
def test_a_release_that_is_not_ready_says_why(checkout: Path, steps: list[tuple[str, ...]], why: str) -> None:
    for step in steps:
        git(checkout, *step)
    done = released(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"release: {why}\n")


@pytest.mark.parametrize("heading", ["## [1.2.3]", "## [1.2.30] - 2026-12-02", "## [Unreleased]"])
def test_a_release_needs_a_section_with_a_date(checkout: Path, heading: str) -> None:
    (checkout / "CHANGELOG.md").write_text(f"{heading}\n")
    commit(checkout)
    done = released(checkout)
    assert (done.returncode, done.stderr) == (1, "release: CHANGELOG.md has no section [1.2.3] with a date\n")
