"""Who may call: the subnet's validators, those listed by a Challenge API, and those let in by the operator.

Closed until the first list is known, unless the operator wants it open until then.
"""

from collections.abc import Collection, Iterable, Mapping

from engine.values import Neuron

BLOCKED = "blocked by this miner's operator"
NOT_KNOWN = "no validator is known yet: neither from the chain nor from --allow"
NO_PERMIT = "this hotkey has no validator permit here and is not on this miner's allow-list"


class AllowList:
    """The hotkeys that may call, and why others may not.

    `extra` are those in the operator's settings. Permit holders also need a stake of `min_stake` tokens. With
    `open_until_listed`, everyone who is not blocked may call until a list is known. A stake of at least `share_stake`
    tokens earns a share of this miner's capacity. The miner's `own` hotkey may always call: the doctor tries the way
    of validators with it.
    """

    def __init__(
        self,
        extra: Iterable[str] = (),
        *,
        min_stake: float = 0.0,
        open_until_listed: bool = False,
        share_stake: float = 1000.0,
        own: str = "",
    ) -> None:
        self._own = own
        self._extra = frozenset(extra)
        self._min_stake = min_stake
        self._share_stake = share_stake
        self._is_open = open_until_listed
        self._stakes: dict[str, float] = {}
        self._permits: frozenset[str] = frozenset()
        self._statuses: dict[str, str] = {}
        self._let_in: frozenset[str] = frozenset()
        self._blocked: frozenset[str] = frozenset()
        self._shares: dict[str, float] = {}
        self._decide()

    def set_neurons(self, neurons: Collection[Neuron]) -> None:
        """Replace the chain's data: permits, stakes, and with them the shares."""
        self._stakes = {neuron.hotkey: neuron.stake for neuron in neurons}
        self._permits = frozenset(neuron.hotkey for neuron in neurons if neuron.validator_permit)
        counted = {hotkey: stake for hotkey, stake in self._stakes.items() if stake >= self._share_stake}
        total = sum(counted.values())
        self._shares = {hotkey: stake / total for hotkey, stake in counted.items()} if total else {}
        self._is_open = False
        self._decide()

    def set_active(self, statuses: Mapping[str, str]) -> None:
        """Replace the Challenge API's list: the status of each of its hotkeys, "" if it gives none."""
        self._statuses = dict(statuses)
        self._is_open = False
        self._decide()

    def set_let_in(self, hotkeys: Collection[str]) -> None:
        """Replace the hotkeys let in by the operator."""
        self._let_in = frozenset(hotkeys)
        self._decide()

    def set_blocked(self, hotkeys: Collection[str]) -> None:
        """Replace the hotkeys blocked by the operator."""
        self._blocked = frozenset(hotkeys)
        self._decide()

    @property
    def hotkeys(self) -> frozenset[str]:
        """All hotkeys that may call."""
        return self._allowed

    @property
    def blocked(self) -> frozenset[str]:
        """The hotkeys that the operator blocked."""
        return self._blocked

    @property
    def let_in(self) -> frozenset[str]:
        return self._let_in

    def refusal(self, hotkey: str) -> str | None:
        """Why this hotkey may not call; None if it may."""
        if hotkey in self._allowed or self._is_this(hotkey):
            return None
        if hotkey in self._blocked:
            return BLOCKED
        if self._is_open:
            return None
        if not self._allowed:
            return NOT_KNOWN
        if hotkey in self._permits:
            stake = self._stakes[hotkey]
            return f"this hotkey has a stake of {stake:,.6g}, below the {self._min_stake:,.6g} that this miner requires"
        if hotkey in self._statuses:
            return f"the Challenge API lists this hotkey as {self._statuses[hotkey][:40]!r}, and not as active"
        return NO_PERMIT

    def standing(self, hotkey: str) -> str:
        """Why this hotkey may or may not call, in a word or two."""
        if hotkey in self._blocked:
            return "blocked"
        if self._is_this(hotkey):
            return "this miner"
        if self.is_own(hotkey):
            return "let in"
        if self._has_permit(hotkey):
            return "permit"
        if self._is_active(hotkey):
            return "listed"
        if self._is_open:
            return "open"
        if hotkey in self._permits:
            return "low stake"
        return "inactive" if hotkey in self._statuses else "no permit"

    def is_own(self, hotkey: str) -> bool:
        """Whether the operator named this hotkey."""
        return hotkey in self._extra or hotkey in self._let_in

    def is_named(self, hotkey: str) -> bool:
        """Whether it may call whatever its stake: the operator named it, the Challenge API lists it, or it is ours."""
        return self.is_own(hotkey) or self._is_active(hotkey) or self._is_this(hotkey)

    def stake(self, hotkey: str) -> float:
        """In tokens; 0 for a hotkey that is not on this subnet."""
        return self._stakes.get(hotkey, 0.0)

    def share(self, hotkey: str) -> float:
        """Its part of all stake that counts for shares, from 0 to 1."""
        return self._shares.get(hotkey, 0.0)

    def _is_this(self, hotkey: str) -> bool:
        return bool(hotkey) and hotkey == self._own

    def _has_permit(self, hotkey: str) -> bool:
        return hotkey in self._permits and self._stakes[hotkey] >= self._min_stake

    def _is_active(self, hotkey: str) -> bool:
        return self._statuses.get(hotkey, "absent").lower() in ("", "active")

    def _decide(self) -> None:
        permitted = filter(self._has_permit, self._permits)
        active = filter(self._is_active, self._statuses)
        self._allowed = frozenset((*self._extra, *self._let_in, *permitted, *active)) - self._blocked
