"""A round in flight, miner by miner, for whoever watches it."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from engine.snapshot import CellState, CellView, RoundProgress
from engine.text import safe
from engine.validator.selection import Candidate
from engine.values import Challenge, Reply, ReplyStatus, Round

QUESTION_WIDTH = 160
"""Cells of a question: a line of a wide terminal."""

REASON_WIDTH = 80
KIND_WIDTH = 40
"""Cells of a reason and of a kind's name, of which a screen shows less."""

STATES: dict[ReplyStatus, CellState] = {"ok": "answered", "timeout": "late", "cancelled": "excused"}
"""Any other status is a failure."""


class InFlight:
    """A challenge that is being asked. `left_out` are miners that are not, each with the reason; `limit_s` is how long
    a miner may take. A user's question is not shown."""

    def __init__(
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        *,
        limit_s: float,
        left_out: Sequence[tuple[Candidate, str]] = (),
    ) -> None:
        own = challenge.source != "organic"
        self._began = time.time()
        self._cells = {one.neuron.hotkey: _cell(one) for one in miners}
        self._left_out = tuple(_cell(one, "left out", why) for one, why in left_out)
        self._answered = self._failed = 0
        self._first = RoundProgress(
            id=challenge.id,
            kind=safe(challenge.kind, KIND_WIDTH),
            asked=len(miners),
            answered=0,
            failed=0,
            started_at=self._began,
            question=safe(challenge.request.question, QUESTION_WIDTH) if own else "",
            known=challenge.truth is not None,
            limit_s=limit_s,
        )

    def note(self, reply: Reply) -> None:
        """A miner has answered, or will not."""
        took = reply.ms or (time.time() - self._began) * 1000
        self._answered += reply.status == "ok"
        self._failed += reply.status != "ok"
        self._cells[reply.hotkey] = CellView(
            uid=reply.uid,
            hotkey=reply.hotkey,
            state=STATES.get(reply.status, "failed"),
            ms=round(took, 1),
            reason=safe(reply.reason, REASON_WIDTH),
        )

    @property
    def view(self) -> RoundProgress:
        """How far it is."""
        cells = (*self._cells.values(), *self._left_out)
        return replace(self._first, answered=self._answered, failed=self._failed, cells=cells)

    def judged(self, judged: Round) -> RoundProgress:
        """How it came out: each cell with the letter of its cluster."""
        for reply in judged.replies:
            if self._cells[reply.hotkey].state == "awaited":  # the round's own limit ended its exchange
                self.note(reply)
        letters = {one.hotkey: one.cluster for one in judged.judgement.verdicts}
        view = self.view
        cells = tuple(replace(cell, cluster=letters.get(cell.hotkey, "")) for cell in view.cells)
        return replace(view, cells=cells, judged=True)


def _cell(miner: Candidate, state: CellState = "awaited", reason: str = "") -> CellView:
    hotkey, uid = miner.neuron.hotkey, miner.neuron.uid
    return CellView(uid=uid, hotkey=hotkey, state=state, reason=safe(reason, REASON_WIDTH))
