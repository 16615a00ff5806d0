"""Services as rows of tables: all of this engine's, or the servers of the demo's miners."""

from console.present import fields, states
from console.present.server_rows import Part
from console.present.table import Cell, Column, Table

COLUMNS: tuple[Column[Part], ...] = (
    fields.text("name", "SERVICE", 14, lambda row: row.service.name, "what it is called", priority=0),
    fields.state("state", "STATE", 13, lambda row: states.SERVICES[row.service.state], "whether it runs", priority=0),
    fields.age("since", "FOR", lambda row: row.service.since, "how long it is so", priority=3),
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
)
REASON: Column[Part] = fields.text(
    "reason",
    "LAST REASON",
    12,
    lambda row: row.service.reason,
    "why it stopped the last time",
    tone="warn",
    priority=5,
    grows=True,
)

SERVICES: Table[Part] = Table(
    name="services",
    empty="no services yet",
    key=lambda row: row.service.name,
    sort="name",
    columns=(*COLUMNS, REASON),
)

SERVERS: Table[Part] = Table(
    name="servers",
    empty="no servers yet",
    key=lambda row: row.service.name,
    sort="uid",
    columns=(
        fields.uid(lambda row: row.uid, priority=2),
        *COLUMNS,
        fields.text(
            "address", "LISTENS AT", 21, lambda row: row.address, "where it is asked", tone="muted", priority=4
        ),
        REASON,
    ),
)
