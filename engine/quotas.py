"""How often a validator may ask each miner in an epoch, by its share of the stake, and what it has used of that.

Formulas and figures are the subnet template's: its managing service gives `max(1, int(256 * share))` for each miner in
ten minutes to every validator with at least 1,000 tokens. Questions of a validator's own may use a part of a quota,
users' requests all of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from engine.settings import Settings
from engine.streams.on_redis import RedisStreams
from engine.values import Metagraph

Use = Literal["synthetic", "organic"]
"""A question of the validator's own, or a user's request."""


class QuotaTerms(Struct, frozen=True, kw_only=True):
    """`requests` are shared out among validators with `least_stake` tokens, anew in each epoch; epochs are aligned to
    the unix clock. `synthetic` is the part of a quota that the validator's own questions may use."""

    requests: int = 256
    least_stake: float = 1000.0
    epoch_s: float = 600.0
    synthetic: float = 0.3

    @classmethod
    def of(cls, settings: Settings) -> "QuotaTerms":
        """The operator's."""
        return cls(
            requests=settings.quota_requests,
            least_stake=settings.quota_min_stake,
            epoch_s=settings.quota_period,
            synthetic=settings.quota_synthetic,
        )

    def epoch(self, at: float) -> int:
        """The epoch of a moment, in unix seconds."""
        return int(at // self.epoch_s)

    def ends_in(self, at: float) -> float:
        """Seconds until the next epoch."""
        return self.epoch_s - at % self.epoch_s

    def part(self, use: Use) -> float:
        """The part of a quota that this use may take."""
        return self.synthetic if use == "synthetic" else 1.0


def quotas(stakes: Mapping[str, float], terms: QuotaTerms) -> dict[str, int]:
    """Of each validator with enough stake, both by hotkey: how often it may ask each miner in an epoch."""
    eligible = {hotkey: stake for hotkey, stake in stakes.items() if stake >= max(terms.least_stake, 1e-9)}
    total = sum(eligible.values())
    return {hotkey: max(1, int(terms.requests * stake / total)) for hotkey, stake in eligible.items()}


def stakes_of(metagraph: Metagraph) -> dict[str, float]:
    """In tokens, by hotkey."""
    return {neuron.hotkey: neuron.stake for neuron in metagraph.neurons}


def allowed(quota: int, part: float) -> int:
    """What this part of a quota amounts to: at least one of a quota that is no more than a few."""
    return max(1, int(quota * part)) if quota else 0


def draw(weights: Mapping[str, int], chance: Callable[[], float]) -> list[str]:
    """All of them in a random order, larger weights the earlier: Efraimidis and Spirakis' weighted sampling."""
    return sorted(weights, key=lambda one: chance() ** (1 / weights[one]), reverse=True)


class Used(Struct, frozen=True):
    """How often a validator has asked a miner in an epoch."""

    synthetic: int = 0
    organic: int = 0

    @property
    def total(self) -> int:
        return self.synthetic + self.organic

    def and_one(self, use: Use) -> "Used":
        """With one more."""
        more = use == "organic"
        return Used(self.synthetic + (not more), self.organic + more)


class UseBook(Protocol):
    """What validators have used of their quotas, by hotkey. Each method may raise StreamsGone."""

    async def used(self, epoch: int, validator: str, miners: Sequence[str]) -> Sequence[Used]:
        """Of each of the miners."""
        ...

    async def take(self, epoch: int, validator: str, limits: Mapping[str, int], count: int, use: Use) -> Sequence[str]:
        """Take one of the first `count` miners whose use in all is below its limit, in one step: no two callers get
        the last one. The miners that were taken."""
        ...


class MemoryUse:
    """In one process."""

    def __init__(self) -> None:
        self._used: dict[tuple[int, str, str], Used] = {}

    async def used(self, epoch: int, validator: str, miners: Sequence[str]) -> Sequence[Used]:
        return [self.of(epoch, validator, miner) for miner in miners]

    async def take(self, epoch: int, validator: str, limits: Mapping[str, int], count: int, use: Use) -> Sequence[str]:
        free = [miner for miner, limit in limits.items() if self.of(epoch, validator, miner).total < limit][:count]
        for miner in free:
            self.put(epoch, validator, miner, self.of(epoch, validator, miner).and_one(use))
        return free

    def of(self, epoch: int, validator: str, miner: str) -> Used:
        """What is known of one miner."""
        return self._used.get((epoch, validator, miner), Used())

    def put(self, epoch: int, validator: str, miner: str, used: Used) -> None:
        """Set what was used; earlier epochs are forgotten."""
        if any(key[0] < epoch - 1 for key in self._used):
            self._used = {key: known for key, known in self._used.items() if key[0] >= epoch - 1}
        self._used[epoch, validator, miner] = used


TAKE = """
local taken = {}
for place, key in ipairs(KEYS) do
  if #taken >= tonumber(ARGV[1]) then break end
  local total = 0
  for _, used in ipairs(redis.call('HVALS', key)) do total = total + used end
  if total < tonumber(ARGV[3 + place]) then
    redis.call('HINCRBY', key, ARGV[2], 1)
    redis.call('EXPIRE', key, ARGV[3])
    taken[#taken + 1] = place
  end
end
return taken
"""


READ = """
local found = {}
for place, key in ipairs(KEYS) do found[place] = redis.call('HMGET', key, 'synthetic', 'organic') end
return found
"""


class RedisUse:
    """In Redis, for any number of processes; what was used is kept for two epochs."""

    def __init__(self, streams: RedisStreams, epoch_s: float) -> None:
        self._streams = streams
        self._kept_s = max(1, int(epoch_s * 2))

    async def used(self, epoch: int, validator: str, miners: Sequence[str]) -> Sequence[Used]:
        found = await self._streams.script(READ, [self._key(epoch, validator, miner) for miner in miners], [])
        return [Used(int(synthetic or 0), int(organic or 0)) for synthetic, organic in found]

    async def take(self, epoch: int, validator: str, limits: Mapping[str, int], count: int, use: Use) -> Sequence[str]:
        miners = list(limits)
        keys = [self._key(epoch, validator, miner) for miner in miners]
        taken = await self._streams.script(TAKE, keys, [count, use, self._kept_s, *limits.values()])
        return [miners[place - 1] for place in taken]

    def _key(self, epoch: int, validator: str, miner: str) -> str:
        return self._streams.key("consumed", f"{epoch}:{validator}:{miner}")
