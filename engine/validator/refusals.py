"""Miners that are busy (HTTP 429): left alone for a while, and excused as long as refusing cannot pay.

A miner that says 429 to what it would fail at must gain nothing by it. So an excuse is good for a tenth of the
questions at most, and never three times in a row; beyond that a refusal is silence, and is scored as such.
"""

from collections import deque
from collections.abc import Collection

REMEMBERED = 100
"""A miner's last questions, of which a tenth may be refused."""

SHARE = 0.1
SPARE = 2
"""So many are excused in any case: of a few questions a tenth is none."""

IN_A_ROW = 3
FIRST_REST_S = 5.0
LONGEST_REST_S = 60.0
"""What the field's miners count their callers by. Longer, and a miner could keep its score by not being asked."""


class Refusals:
    """An account by hotkey. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def rest_of(self, hotkey: str, now: float) -> float:
        """For how many seconds this miner is not to be asked; 0 when it may be."""
        account = self._accounts.get(hotkey)
        return max(0.0, account.rests_until - now) if account else 0.0

    def note_reply(self, hotkey: str, *, answered: bool) -> None:
        """It did not refuse: it answered, or failed in another way."""
        account = self._accounts.setdefault(hotkey, _Account())
        account.refused.append(False)
        if answered:
            account.in_a_row = 0

    def note_refusal(self, hotkey: str, now: float, retry_after: float | None) -> str | None:
        """It was busy, and wants to be asked again after so many seconds. None if it is excused, else why it is not."""
        account = self._accounts.setdefault(hotkey, _Account())
        account.refused.append(True)
        account.in_a_row += 1
        usual = FIRST_REST_S if account.in_a_row == 1 else account.rest * 2
        account.rest = min(usual if retry_after is None else retry_after, LONGEST_REST_S)
        account.rests_until = now + account.rest
        if account.in_a_row >= IN_A_ROW:
            return f"refused {account.in_a_row} times in a row"
        if sum(account.refused) > max(SPARE, SHARE * len(account.refused)):
            return f"refused {sum(account.refused)} of the last {len(account.refused)} questions"
        return None

    def keep(self, hotkeys: Collection[str]) -> None:
        """Forget everybody else."""
        self._accounts = {hotkey: account for hotkey, account in self._accounts.items() if hotkey in hotkeys}


class _Account:
    def __init__(self) -> None:
        self.refused: deque[bool] = deque(maxlen=REMEMBERED)
        self.in_a_row = 0
        self.rest = 0.0
        self.rests_until = 0.0
