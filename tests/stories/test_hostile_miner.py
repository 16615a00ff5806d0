"""A validator's screen in a real terminal, while a foreign miner sends replies that could harm the terminal."""

import asyncio
import itertools
import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.stories.console import wait_until
from tests.stories.terminal import Terminal, terminal
from tests.unit.chain_helpers import key
from tests.unit.transport_helpers import ForeignMiner, clear_answer, http_server, reply

pytestmark = pytest.mark.slow

FERDIE = key("Ferdie").ss58_address

ROUND = re.compile(r"round (\d+) of")

TEXTS = (
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[6n\x1b[31mred",
    "\x9b2J\x9d52;c;aGVsbG8=\x9c",
    "\u202etxt.exe\u2066 \u200b\u200f\ufeff",
    "[/foo] [bold red]markup[/] [@click=app.quit]x[/]",
    "a" + "\u0301" * 5000,
    "\n" * 20_000 + "\r\r\b\b\x0b\x0c\u2028\u2029end",
)

HARMFUL = (
    "\x1b]52;", "\x1b]8;", "\x1b[2J\x1b[6n", "\x1b[6n", "\x1b[31mred", "]52;c;aGVsbG8=\x07",
    "\x9b", "\x9c", "\x9d", "\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\u2028", "\u2029", "\u0301" * 4,
)  # fmt: skip
"""What of the texts would do harm, as a terminal would get it."""

SHOWN = ("]52;c;aGVsbG8=", "]8;;https://evil.example", "[31mred", "txt.exe", "[/foo] [bold red]markup[/]")
"""What is left of them for the operator to read."""


OUR_QUESTION = re.compile(r"\x1b\[1;\d+H\x1b\[6n")
"""With which a frame ends: the terminal tells where the cursor is once it has drawn all that came before."""


async def test_nothing_harmful_from_a_hostile_miner_reaches_the_terminal(tmp_path: Path) -> None:
    miner, texts = ForeignMiner(), itertools.cycle(TEXTS)

    def answer(fernet: Fernet) -> bytes:
        text = next(texts)
        is_refused = len(miner.asked) % 3 == 0
        return reply(500, {"detail": text}) if is_refused else reply(200, fernet.encrypt(clear_answer(text)))

    miner.answer = answer
    async with http_server(miner) as peer:
        await asyncio.to_thread(_see_everything, miner, f"{FERDIE}@{peer.host}:{peer.port}", tmp_path)


def _see_everything(miner: ForeignMiner, neuron: str, folder: Path) -> None:
    with terminal(
        "--role", "validator", "--neuron", neuron, "--allow-private", "--interval", "0.3", "--encoder", "bow",
        "--seed", "7", "--data-dir", str(folder), home=folder, size=(160, 48),
    ) as opened:  # fmt: skip
        opened.wait_for("● RUN")
        wait_until(lambda: len(miner.asked) >= 2 * len(TEXTS), "the miner is asked")
        _go(opened, "2", "[2 Challenges]")
        _go(opened, "\r", "Likeness")
        _see_older_rounds(opened, len(TEXTS))
        _go(opened, "\x1b", "━ Challenges ")
        _go(opened, "3", "[3 Miners]")
        _go(opened, "\r", "Rounds  sort")
        opened.press("j" * len(TEXTS))
        _go(opened, "\x1b", "━ Miners ")
        opened.resize(80, 24)
        _go(opened, "\r", "Rounds  sort")
        opened.press("j" * len(TEXTS))
        _go(opened, "\x1b", "━ Miners ")
        _go(opened, "2", "[2 Challenges]")
        _go(opened, "\r", "round ")
        _go(opened, "\x1b", "━ Challenges ")
        for digit, title in enumerate(("Weights", "Server", "Logs", "Setup"), 4):
            _go(opened, str(digit), f"[{digit} {title}]")
        _go(opened, "1", "[1 Home]")
        _go(opened, "q", "Stop the engine and quit")
        opened.press("G\r")
        assert opened.ended() == 0
        received = opened.received.decode()
    assert [text for text in SHOWN if text not in received] == []
    foreign = OUR_QUESTION.sub("", received)
    assert [harm for harm in HARMFUL if harm in foreign] == []


def _go(opened: Terminal, keys: str, text: str) -> None:
    opened.press(keys)
    opened.wait_for(text)


def _see_older_rounds(opened: Terminal, count: int) -> None:
    """See the `count` rounds before the one that the screen of a challenge shows."""
    newest = int(opened.wait_until(ROUND.search, "the number of a round")[1])
    for number in range(newest - 1, newest - 1 - count, -1):
        _go(opened, "[", f"round {number} of ")
