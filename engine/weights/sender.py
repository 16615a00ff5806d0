"""Who sends to which subnet: what submissions and reveals have in common."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from engine.chain.interface import Chain
from engine.keys import Signer
from engine.values import Outcome
from engine.weights.journal import WeightJournal
from engine.weights.moment import Moment
from engine.weights.plan import WeightPlan


class Sender(Struct, frozen=True, kw_only=True):
    """A hotkey on a subnet. `call_timeout` is in seconds; `look` reads the chain; `report` hears of each outcome."""

    chain: Chain
    netuid: int
    signer: Signer
    journal: WeightJournal
    call_timeout: float
    look: Callable[[], Awaitable[Moment]]
    report: Callable[[WeightPlan, Outcome], None]

    def owns(self, plan: WeightPlan) -> bool:
        """Whether it made this plan; a journal may hold those of others."""
        return (plan.netuid, plan.hotkey) == (self.netuid, self.signer.ss58_address)
