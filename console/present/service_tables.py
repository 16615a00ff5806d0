"""Services as rows of tables: all of this engine's, or the servers of the demo's miners."""

from console.present import formats, states
from console.present.server_rows import Part
from console.present.table import Cell, Column, Table


def _state(row: Part, _now: float) -> Cell:
    state = states.SERVICES[row.service.state]
    return Cell(state.text, state.tone)


UID: Column[Part] = Column(
    id="uid",
    title="UID",
    width=4,
    align="right",
    priority=2,
    cell=lambda row, _now: Cell(formats.UNKNOWN if row.uid is None else str(row.uid)),
    value=lambda row: -1 if row.uid is None else row.uid,
    about="the place in the metagraph",
)

ADDRESS: Column[Part] = Column(
    id="address",
    title="LISTENS AT",
    width=21,
    priority=4,
    cell=lambda row, _now: Cell(row.address, "muted"),
    value=lambda row: row.address,
    about="where it is asked",
)

COLUMNS: tuple[Column[Part], ...] = (
    Column(
        id="name",
        title="SERVICE",
        width=14,
        priority=0,
        cell=lambda row, _now: Cell(row.service.name),
        value=lambda row: row.service.name,
        about="what it is called",
    ),
    Column(
        id="state",
        title="STATE",
        width=13,
        priority=0,
        cell=_state,
        value=lambda row: states.SERVICES[row.service.state].word,
        about="whether it runs",
    ),
    Column(
        id="since",
        title="FOR",
        width=6,
        align="right",
        priority=3,
        cell=lambda row, now: Cell(formats.age(row.service.since, now)),
        value=lambda row: -row.service.since,
        about="how long it is so",
    ),
    Column(
        id="restarts",
        title="RESTARTS",
        width=8,
        align="right",
        priority=1,
        cell=lambda row, _now: Cell(str(row.service.restarts), "warn" if row.service.restarts else "muted"),
        value=lambda row: row.service.restarts,
        about="how often it was started again",
    ),
    Column(
        id="reason",
        title="LAST REASON",
        width=12,
        priority=5,
        grows=True,
        cell=lambda row, _now: Cell(row.service.reason, "warn"),
        value=lambda row: row.service.reason,
        about="why it stopped the last time",
    ),
)

SERVICES: Table[Part] = Table(name="services", key=lambda row: row.service.name, sort="name", columns=COLUMNS)

SERVERS: Table[Part] = Table(
    name="servers",
    key=lambda row: row.service.name,
    sort="uid",
    columns=(UID, *COLUMNS[:-1], ADDRESS, COLUMNS[-1]),
)
