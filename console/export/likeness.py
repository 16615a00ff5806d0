"""`subnet-console export round ID`: how alike the answers of one round are, as numbers or as a picture."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from console.drawing.answers import by_cluster, compared
from console.drawing.page import file_name, picture
from console.errors import ConsoleError
from console.export.output import Format, Line, opened, write
from engine.errors import StoreError
from engine.settings.setting import nearest
from engine.store.record import Record, open_record
from engine.store.schema import FILE_NAME
from engine.values import Likeness, Round

PAIRS = ("round_id", "uid_a", "hotkey_a", "cluster_a", "uid_b", "hotkey_b", "cluster_b", "likeness")
POINTS = ("round_id", "uid", "hotkey", "name", "cluster", "status", "x", "y")
DIGITS = 4
NEAR = 2000
"""How many of the newest ids are looked through for one that is like an unknown one."""


def export_pairs(id: str, *, data_dir: Path, format: Format, out: Path | Literal["-"]) -> None:
    """One record for each two answers that were compared, cluster by cluster. Raises ConsoleError, as all here."""
    with _found(data_dir, id) as (judged, _), opened(out) as stream:
        write(stream, format, PAIRS, _pairs(judged))


def export_points(id: str, *, data_dir: Path, format: Format, out: Path | Literal["-"]) -> None:
    """One record a reply, in their order, with its place on the map; none for those that were not compared."""
    with _found(data_dir, id) as (judged, names), opened(out) as stream:
        write(stream, format, POINTS, _points(judged, names))


def export_picture(id: str, *, data_dir: Path, out: str) -> Path | None:
    """Write the picture to the file `out`, "" being one named for the round in the current folder.

    Returns where it is; None for standard output, "-".
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
                raise ConsoleError(f"round {id} was recorded before likeness was kept: choose a newer one")
            yield found.round, record.neurons.names(found.netuid)
    except StoreError as error:
        raise ConsoleError(str(error)) from error


def _unknown(record: Record, id: str) -> str:
    hint = nearest(id, record.rounds.newest_ids(NEAR))
    return f"no round {id!r} is stored{hint or ''}; 'subnet-console export rounds' lists all"


def _pairs(judged: Round) -> Iterator[Line]:
    likeness, verdicts = compared(judged)
    order = sorted(range(len(verdicts)), key=lambda index: by_cluster(verdicts[index]))
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            one, other = verdicts[first], verdicts[second]
            yield (
                judged.challenge.id, one.uid, one.hotkey, one.cluster, other.uid, other.hotkey, other.cluster,
                round(likeness.between(first, second), DIGITS),
            )  # fmt: skip


def _points(judged: Round, names: Mapping[str, str]) -> Iterator[Line]:
    likeness = judged.likeness or Likeness()
    points = dict(zip(likeness.members, likeness.points, strict=True))
    for place, (reply, verdict) in enumerate(zip(judged.replies, judged.judgement.verdicts, strict=True)):
        x, y = points.get(place, (None, None))
        name = names.get(reply.hotkey, "")
        yield judged.challenge.id, reply.uid, reply.hotkey, name, verdict.cluster, reply.status, x, y
