"""The log: clean, without secrets, within its cap, and never in anyone's way."""

import json
import logging
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from engine.logs import FILES, LogRing, open_log
from engine.redaction import HIDDEN, redact
from engine.snapshot import LogLine

log = logging.getLogger("house")
SEED = "0x" + "ab" * 32
WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"


def lines_of(data_dir: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (data_dir / "logs" / "console.jsonl").read_text().splitlines()]


def test_records_reach_the_file_and_the_ring(tmp_path: Path) -> None:
    with open_log(tmp_path, level="info", cap_mb=1) as ring:
        log.debug("too fine")
        log.warning("uid %d sent %s", 7, "\x1b[2Jboo\u202e")
    (line,) = lines_of(tmp_path)
    assert {**line, "at": 0} == {"at": 0, "level": "WARNING", "logger": "house", "text": "uid 7 sent ␛[2Jboo·"}
    assert [one.text for one in ring.tail().lines] == ["uid 7 sent ␛[2Jboo·"]


def test_nobody_else_may_read_the_log(tmp_path: Path) -> None:
    with open_log(tmp_path, level="info", cap_mb=1):
        log.info("x")
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "logs" / "console.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_traceback_is_kept_without_its_secret(tmp_path: Path) -> None:
    with open_log(tmp_path, level="info", cap_mb=1):
        try:
            raise ValueError(f"bad seed {SEED}")
        except ValueError:
            log.exception("it broke")
    text = str(lines_of(tmp_path)[0]["text"])
    assert text.startswith("it broke\nTraceback")
    assert "ValueError: bad seed ******" in text
    assert SEED[2:] not in text


def test_the_files_stay_under_the_cap(tmp_path: Path) -> None:
    cap = 50_000
    with open_log(tmp_path, level="info", cap_mb=cap / 1e6):
        for number in range(3000):
            log.info("%d %s", number, "x" * 100)
    files = list((tmp_path / "logs").iterdir())
    assert len(files) == FILES
    assert cap / 2 < sum(path.stat().st_size for path in files) <= cap
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert str(lines_of(tmp_path)[-1]["text"]).startswith("2999 ")


def test_a_flood_drops_records_and_reports_it_but_makes_nobody_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.logs.QUEUE", 10)
    with open_log(tmp_path, level="info", cap_mb=1) as ring:
        for _ in range(1000):
            log.info("é" * 2000)
        while not ring.tail().lines or ring.tail().lines[-1].text != "later":
            log.info("later")
            time.sleep(0.01)
    texts = [line.text for line in ring.tail().lines]
    assert any("records were lost" in text for text in texts)
    assert len(texts) < 1000


def test_the_ring_keeps_the_last_lines() -> None:
    ring = LogRing(3)
    for number in range(5):
        ring.add(LogLine(float(number), "INFO", "house", "x"))
    assert [line.at for line in ring.tail().lines] == [2, 3, 4]


def test_a_full_disk_is_said_once_and_logging_continues(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with open_log(tmp_path, level="info", cap_mb=1) as ring:
        (tmp_path / "logs").rmdir()
        for _ in range(3):
            log.info("x")
    texts = [line.text for line in ring.tail().lines]
    assert texts.count("x") == 3
    assert sum("cannot be written" in text for text in texts) == 1


def test_a_run_on_a_full_disk_ends_cleanly(tmp_path: Path) -> None:
    with open_log(tmp_path, level="info", cap_mb=1) as ring:
        (tmp_path / "logs" / "console.jsonl").symlink_to("/dev/full")
        log.info("x")
    assert any("No space left" in line.text for line in ring.tail().lines)


@pytest.mark.parametrize(
    "secret",
    [
        SEED,
        "ab" * 64,
        WORDS,
        pytest.param(Fernet.generate_key().decode(), id="a Fernet key"),
        pytest.param(Fernet(Fernet.generate_key()).encrypt(b"x").decode(), id="a Fernet token"),
        "sk-" + "a1" * 20,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_known_by_their_shape(secret: str) -> None:
    assert redact(f"Got {secret}; done") == f"Got {HIDDEN}; done"


@pytest.mark.parametrize(
    "text", ["Authorization: Bearer abcdefgh123", "api_key='hunter2hunter2'", "password=correct-horse"]
)
def test_secrets_are_known_by_their_name(text: str) -> None:
    assert redact(text).rstrip("'").endswith(HIDDEN)


@pytest.mark.parametrize(
    "text",
    [
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY answered in 12 ms",
        "seed 7, tokens: 123",
        "the miner at 127.0.0.1:8091 sent a reply that could not be read, so it is left out",
        "round 0b9f4d5e-6c1f-4e7a-9a53-0d1f6f3b2a11 was recorded",
    ],
)
def test_what_is_not_secret_stays(text: str) -> None:
    assert redact(text) == text
