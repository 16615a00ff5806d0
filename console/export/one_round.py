"""`subnet-console export round ID`: how alike the answers of one round are, as numbers or as a picture."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from console.drawing.answers import by_cluster, compared
from console.drawing.page import file_name, picture
from console.errors import ConsoleError
from console.export.output import ExportColumn, ExportTable, Format, opened, write
from engine.errors import StoreError
from engine.settings.setting import nearest
from engine.store.record import Record, open_record
from engine.store.schema import FILE_NAME
from engine.values import Likeness, Reply, Round, Verdict

DIGITS = 4
NEAR = 2000
"""How many of the newest ids are searched for one similar to an unknown id."""


class AnswerPair(NamedTuple):
    """Two compared answers of a round; `likeness` is a cosine."""

    round_id: str
    first: Verdict
    second: Verdict
    likeness: float


class MapPoint(NamedTuple):
    """A reply's place on the map; `at` is None for one that was not compared."""

    round_id: str
    reply: Reply
    verdict: Verdict
    name: str
    at: tuple[float, float] | None


def export_pairs(id: str, *, data_dir: Path, format: Format, out: Path | Literal["-"]) -> None:
    """One record per pair of compared answers, cluster by cluster. Raises ConsoleError, as do the others here."""
    with _found(data_dir, id) as (judged, _), opened(out) as stream:
        write(stream, format, PAIRS.names, PAIRS.lines(judged))


def export_points(id: str, *, data_dir: Path, format: Format, out: Path | Literal["-"]) -> None:
    """One record per reply, in order, with its place on the map if it was compared."""
    with _found(data_dir, id) as (judged, names), opened(out) as stream:
        write(stream, format, POINTS.names, POINTS.lines(judged, names))


def export_picture(id: str, *, data_dir: Path, out: str) -> Path | None:
    """Write the picture to the file `out`; "" means a file named after the round in the current folder.

    Returns its path, or None for standard output ("-").
    """
    if out not in ("", "-") and not out.lower().endswith(".svg"):
        raise ConsoleError(f"--picture {out}: the file name must end in .svg")
    with _found(data_dir, id) as (judged, names):
        path = Path(out or file_name(judged))
        with opened("-" if out == "-" else path, "--picture") as stream:
            stream.write(picture(judged, names))
    return None if out == "-" else path


@contextmanager
def _found(folder: Path, id: str) -> Iterator[tuple[Round, Mapping[str, str]]]:
    """The round and the names of the miners by hotkey."""
    try:
        with open_record(folder / FILE_NAME) as record:
            found = record.rounds.found(id)
            if found is None:
                raise ConsoleError(_unknown(record, id))
            if found.round.likeness is None:
                raise ConsoleError(
                    f"round {id} has no likeness: it is computed shortly after the round (early versions did not "
                    "keep it)"
                )
            yield found.round, record.neurons.names(found.netuid)
    except StoreError as error:
        raise ConsoleError(str(error)) from error


def _unknown(record: Record, id: str) -> str:
    hint = nearest(id, record.rounds.newest_ids(NEAR))
    return f"no round {id!r} is stored{hint or ''}; 'subnet-console export rounds' lists all"


def _pairs(judged: Round) -> Iterator[AnswerPair]:
    likeness, verdicts = compared(judged)
    order = sorted(range(len(verdicts)), key=lambda index: by_cluster(verdicts[index]))
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            yield AnswerPair(judged.challenge.id, verdicts[first], verdicts[second], likeness.between(first, second))


def _points(judged: Round, names: Mapping[str, str]) -> Iterator[MapPoint]:
    likeness = judged.likeness or Likeness()
    points = dict(zip(likeness.members, likeness.points, strict=True))
    for place, (reply, verdict) in enumerate(zip(judged.replies, judged.judgement.verdicts, strict=True)):
        yield MapPoint(judged.challenge.id, reply, verdict, names.get(reply.hotkey, ""), points.get(place))


PAIRS: ExportTable[AnswerPair] = ExportTable(
    _pairs,
    (
        ExportColumn("round_id", lambda pair: pair.round_id),
        ExportColumn("uid_a", lambda pair: pair.first.uid),
        ExportColumn("hotkey_a", lambda pair: pair.first.hotkey),
        ExportColumn("cluster_a", lambda pair: pair.first.cluster),
        ExportColumn("uid_b", lambda pair: pair.second.uid),
        ExportColumn("hotkey_b", lambda pair: pair.second.hotkey),
        ExportColumn("cluster_b", lambda pair: pair.second.cluster),
        ExportColumn("likeness", lambda pair: round(pair.likeness, DIGITS)),
    ),
)
POINTS: ExportTable[MapPoint] = ExportTable(
    _points,
    (
        ExportColumn("round_id", lambda point: point.round_id),
        ExportColumn("uid", lambda point: point.reply.uid),
        ExportColumn("hotkey", lambda point: point.reply.hotkey),
        ExportColumn("name", lambda point: point.name),
        ExportColumn("cluster", lambda point: point.verdict.cluster),
        ExportColumn("status", lambda point: point.reply.status),
        ExportColumn("x", lambda point: point.at[0] if point.at else None),
        ExportColumn("y", lambda point: point.at[1] if point.at else None),
    ),
)
