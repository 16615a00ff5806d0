"""What every client of an embedded chain reads, answered from its state."""

from engine.chain.embedded import blocks, commits
from engine.chain.embedded.state import RAO, State, current_rules, metagraph_of
from engine.chain.interface import ChainUnavailable
from engine.values import Hyperparameters, Metagraph, WeightCommit


class StateReads:
    """The reads of a `Chain`. Whoever inherits may replace the state as a whole."""

    endpoint = "embedded"
    network = "embedded"

    def __init__(self, state: State) -> None:
        self._state = state
        self._metagraph: tuple[State, Metagraph] | None = None

    async def block(self) -> int:
        return self._state.block

    async def metagraph(self, netuid: int) -> Metagraph:
        state = self._of(netuid)
        if self._metagraph is None or self._metagraph[0] is not state:
            self._metagraph = state, metagraph_of(state)
        return self._metagraph[1]

    async def hyperparameters(self, netuid: int) -> Hyperparameters:
        return current_rules(self._of(netuid))

    async def next_epoch(self, netuid: int) -> int:
        return blocks.next_epoch(self._of(netuid))

    async def balance(self, coldkey: str) -> float:
        return self._state.balances.get(coldkey, 0) / RAO

    async def weights(self, netuid: int, uid: int) -> tuple[tuple[int, int], ...]:
        slots = self._of(netuid).slots
        return slots[uid].weights if 0 <= uid < len(slots) else ()

    async def commits(self, netuid: int, hotkey: str) -> tuple[WeightCommit, ...]:
        return commits.waiting_commits(self._of(netuid), hotkey)

    def _of(self, netuid: int) -> State:
        if netuid != self._state.netuid:
            raise ChainUnavailable(f"the embedded chain has netuid {self._state.netuid}, not {netuid}")
        return self._state
