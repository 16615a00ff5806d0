"""The table neurons: every hotkey that was ever registered or asked, with its counts."""

from collections.abc import Iterable, Iterator
from sqlite3 import Connection, Row

from msgspec import Struct

from engine.store.columns import Count, Flag, Values, cells, fields, storable
from engine.store.stored import StoredNeuron
from engine.validator.round_log import Tally
from engine.values import At, Round
from engine.values.earned import Pay, Uid, Word


class NeuronRow(Struct, frozen=True, kw_only=True):
    """A row of the table neurons."""

    netuid: Uid
    hotkey: Word
    uid: Uid
    name: str
    registered: Flag
    seen_at: At
    rounds: Count
    answered: Count
    failed: Count
    failures_in_a_row: Count
    last_answer_at: At | None
    last_emission: Pay | None


class NeuronTable:
    """The neurons of all subnets. Reads raise BadRow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, netuid: int, neurons: Iterable[tuple[str, str, int, str]], *, at: float) -> None:
        """Note that these (hotkey, coldkey, uid, name), and nobody else, are registered at `at`. An empty name keeps
        the old one."""
        self._connection.execute("UPDATE neurons SET registered = 0 WHERE netuid = ?", (netuid,))
        self._connection.executemany(
            _NOTE, ((netuid, hotkey, coldkey, uid, storable(name), at) for hotkey, coldkey, uid, name in neurons)
        )

    def count(self, judged: Round, netuid: int) -> None:
        """Add a round to the tallies of those who were asked. Cancelled replies do not count."""
        self._connection.executemany(_COUNT, _tally_values(judged, netuid))

    def all(self) -> Iterator[StoredNeuron]:
        """Ordered by netuid and uid."""
        query = "SELECT * FROM neurons ORDER BY netuid, uid, registered DESC, hotkey"
        return map(_neuron_of, self._connection.execute(query))

    def tallies(self, netuid: int) -> dict[str, Tally]:
        """By hotkey, for everyone who was ever asked."""
        rows = self._connection.execute("SELECT * FROM neurons WHERE netuid = ? AND rounds != 0", (netuid,))
        return {neuron.hotkey: neuron.tally for neuron in map(_neuron_of, rows)}

    def names(self, netuid: int) -> dict[str, str]:
        """The names of all known miners by hotkey, "" for those without one.

        Strings that cannot be hotkeys, in a folder from somebody else, are left out.
        """
        rows = self._connection.execute("SELECT hotkey, name FROM neurons WHERE netuid = ?", (netuid,))
        found = [cells(row, str, str) for row in rows]
        return {hotkey: name for hotkey, name in found if hotkey.isascii() and hotkey.isalnum()}


def _tally_values(judged: Round, netuid: int) -> Iterator[Values]:
    for reply, verdict in zip(judged.replies, judged.judgement.verdicts, strict=True):
        if reply.status != "cancelled":
            answered = reply.status == "ok"
            yield {
                "netuid": netuid,
                "hotkey": reply.hotkey,
                "coldkey": reply.coldkey,
                "uid": reply.uid,
                "at": judged.started_at,
                "answered": int(answered),
                "failed": int(not answered),
                "answered_at": judged.started_at if answered else None,
                "emission": verdict.emission,
            }


def _neuron_of(row: Row) -> StoredNeuron:
    stored: NeuronRow = fields(row, NeuronRow)
    return StoredNeuron(
        netuid=stored.netuid,
        uid=stored.uid,
        hotkey=stored.hotkey,
        name=stored.name,
        registered=bool(stored.registered),
        seen_at=stored.seen_at,
        tally=Tally(
            rounds=stored.rounds,
            answered=stored.answered,
            failed=stored.failed,
            failures_in_a_row=stored.failures_in_a_row,
            last_answer_at=stored.last_answer_at,
            last_emission=stored.last_emission,
        ),
    )


_NOTE = """
    INSERT INTO neurons (netuid, hotkey, coldkey, uid, name, seen_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        coldkey = excluded.coldkey,
        uid = excluded.uid,
        name = iif(excluded.name = '', name, excluded.name),
        registered = 1,
        seen_at = max(seen_at, excluded.seen_at)
"""
_COUNT = """
    INSERT INTO neurons (netuid, hotkey, coldkey, uid, seen_at, rounds, answered, failed, failures_in_a_row,
        last_answer_at, last_emission)
    VALUES (:netuid, :hotkey, :coldkey, :uid, :at, 1, :answered, :failed, :failed, :answered_at, :emission)
    ON CONFLICT DO UPDATE SET
        seen_at = max(seen_at, :at),
        rounds = rounds + 1,
        answered = answered + :answered,
        failed = failed + :failed,
        failures_in_a_row = iif(:answered, 0, failures_in_a_row + 1),
        last_answer_at = coalesce(:answered_at, last_answer_at),
        last_emission = :emission
"""
