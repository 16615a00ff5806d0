"""What Tab offers, asked as bash, zsh and fish ask."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from console.completion import script

IFS = "\x0b"


def offered(line: str, folder: Path, shell: str = "bash") -> list[str]:
    """What the program offers a shell whose line is this up to the cursor."""
    answer = folder / "answer"
    environ = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_IFS": IFS,
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    subprocess.run([sys.executable, "-m", "console"], env=environ, cwd=folder, check=True, timeout=60)
    return [word.strip() for word in answer.read_text().split(IFS) if word.strip()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("subnet-console la", ["launch"]),
        ("subnet-console launch --role m", ["miner"]),
        ("subnet-console launch --netuid ", []),
        ("subnet-console chain re", ["register", "reveal"]),
        ("subnet-console launch --model-path gg", ["gguf/"]),
        ("subnet-console completion ", ["--help", "bash", "zsh", "fish"]),
    ],
)
def test_the_program_offers_what_fits(line: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "gguf").mkdir()
    assert offered(line, tmp_path) == words


BASH = """
eval "$(cat $1)"
COMP_LINE="subnet-console launch --backend o" COMP_TYPE=9
COMP_POINT=${#COMP_LINE}
_python_argcomplete subnet-console
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = 'source $argv[1]; complete -C "subnet-console launch --backend o"'


@pytest.mark.parametrize(("shell", "asking"), [("bash", BASH), ("fish", FISH)])
def test_the_shells_own_completion_asks_the_program(shell: str, asking: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here")
    loaded = tmp_path / "completion"
    loaded.write_text(script(shell, "subnet-console"))
    (tmp_path / "ask").write_text(asking)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        [shell, str(tmp_path / "ask"), str(loaded)], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["openai", "ollama"] or sorted(done.stdout.split()) == ["ollama", "openai"]


def test_zsh_reads_its_script(tmp_path: Path) -> None:
    loaded = script("zsh", "subnet-console")
    assert loaded.lstrip().startswith("#compdef subnet-console")
    if shutil.which("zsh") is None:
        pytest.skip("no zsh here")
    (tmp_path / "completion").write_text(loaded)
    told = "autoload -Uz compinit; compinit -u -D; source ./completion; print -r -- ${_comps[subnet-console]}"
    done = subprocess.run(["zsh", "-fc", told], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "_python_argcomplete", done.stderr
