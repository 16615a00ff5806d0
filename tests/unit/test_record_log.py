"""A folder's log, as it was at an earlier time."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.record.log import last_lines, log_until
from console.record.player import LogOfThen
from engine.snapshot import LogLine


def write(path: Path, times: list[float], *, text: str = "said") -> Path:
    path.parent.mkdir(exist_ok=True)
    lines = (msgspec.json.encode(LogLine(at, "INFO", "engine", f"{text} at {at:g}")) for at in times)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def times(path: Path, until: float, count: int = 100) -> list[float]:
    return [line.at for line in last_lines(path, until, count)]


def test_the_last_records_until_a_time_come_from_all_files_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "console.jsonl", [5, 6, 7])
    write(tmp_path / "console.jsonl.1", [3, 4])
    write(tmp_path / "console.jsonl.2", [1, 2])
    assert times(path, 9) == [1, 2, 3, 4, 5, 6, 7]
    assert times(path, 6) == [1, 2, 3, 4, 5, 6]
    assert times(path, 3.5) == [1, 2, 3]
    assert times(path, 0) == []
    assert times(path, 6, count=3) == [4, 5, 6]


@given(
    gaps=st.lists(st.integers(0, 3), max_size=60),
    broken=st.sets(st.integers(0, 60)),
    until=st.integers(-1, 200),
    length=st.integers(0, 3000),
)
def test_halving_finds_what_reading_it_all_finds(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[int], broken: set[int], until: int, length: int
) -> None:
    path, at, kept = tmp_path_factory.mktemp("log") / "console.jsonl", 0, []
    with path.open("wb") as file:
        for place, gap in enumerate(gaps):
            at += gap
            if place in broken:
                file.write(b'{"at": 12, "text": \xff\n\n')
            else:
                file.write(msgspec.json.encode(LogLine(float(at), "INFO", "engine", "x" * length)) + b"\n")
                kept.append(float(at))
    assert times(path, until) == [at for at in kept if at <= until]


def test_whoever_wrote_the_file_moves_no_cursor(tmp_path: Path) -> None:
    path = write(tmp_path / "console.jsonl", [1], text="\x1b[2Jgone\x9b")
    (line,) = last_lines(path, 9, 5)
    assert line.text.isprintable()
    assert "gone" in line.text


def test_each_time_has_records_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "console.jsonl", [1, 2, 3])
    log = LogOfThen()
    assert log.added == 0
    log.show(log_until(tmp_path, 3))
    assert (log.added, log.tail().first) == (3, 0)
    log.show(log_until(tmp_path, 2))
    assert (log.added, log.tail().first, [line.at for line in log.tail().lines]) == (5, 3, [1, 2])


def test_a_folder_without_a_log_has_none(tmp_path: Path) -> None:
    assert log_until(tmp_path, 9) == []
