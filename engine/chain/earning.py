"""What a neuron still needs to earn on its subnet, in the order in which to do it. Pure."""

from engine.chain.interface import Look
from engine.chain.standing import leaving, no_place
from engine.snapshot import NeedView

SHOWN = 0.01
"""Stake below this reads as none."""


def missing(look: Look, *, role: str, coldkey: str) -> tuple[NeedView, ...]:
    """What this hotkey still needs, first things first; `coldkey` is "" if its address is unknown."""
    return (*_place(look, coldkey), *(_axon(look) if role == "miner" else _permit(look)))


def _place(look: Look, coldkey: str) -> list[NeedView]:
    """Funds and a uid."""
    if look.own is not None:
        return []
    rules, price = look.rules, _price(look)
    if not rules.registration_allowed:
        how = "The owner takes proof of work instead." if rules.pow_registration else "Wait until its owner opens it."
        return [NeedView("registration", f"netuid {look.metagraph.netuid} is closed to registrations", how)]
    found = []
    if not coldkey:
        known = "the balance is unknown without the coldkey's address"
        found.append(NeedView("funds", f"a registration costs {price}; {known}", "Put coldkeypub.txt into the wallet."))
    elif look.balance < rules.burn:
        lacks = f"a registration costs {price}, and the coldkey has τ{look.balance:g}"
        found.append(
            NeedView("funds", lacks, f"Send at least τ{rules.burn - look.balance:.4f} and the fee to {coldkey}.")
        )
    pruned = leaving(look)[:1] if len(look.metagraph.neurons) >= rules.max_uids else []
    takes = f"; it takes uid {pruned[0].uid}" if pruned else f"; {reason}" if (reason := no_place(look)) else ""
    what = f"hotkey {look.hotkey} has no uid on netuid {look.metagraph.netuid}{takes}"
    found.append(NeedView("registration", what, f"Register it for {price}: subnet-console chain register."))
    return found


def _price(look: Look) -> str:
    rules = look.rules
    if not rules.locked:
        return f"τ{rules.burn:.4f}"
    return f"τ{rules.burn:.4f} (τ{rules.burn - rules.locked:.4f} burned + τ{rules.locked:.4f} locked)"


def _axon(look: Look) -> list[NeedView]:
    if look.own is not None and look.own.serving:
        return []
    return [
        NeedView(
            "axon",
            "no address is announced, so no validator finds this miner",
            "Announce the address at which others reach it: subnet-console chain serve IP:PORT --role miner.",
        )
    ]


def _permit(look: Look) -> list[NeedView]:
    own, rules = look.own, look.rules
    if own is not None and own.validator_permit:
        return []
    stake, needed = own.stake if own is not None else 0.0, _stake_needed(look)
    if stake >= needed:
        when = f"block {look.next_epoch:,}"
        return [NeedView("permit", f"the stake of α{stake:,.2f} is enough", f"The epoch in {when} gives the permit.")]
    what = f"permits go to the {rules.max_validators} with the most stake; this hotkey has α{stake:,.2f}"
    lacks = f"at least α{needed - stake:,.2f} more" if needed - stake >= SHOWN else "some"
    more = f"Stake {lacks}: subnet-console chain stake AMOUNT."
    return [NeedView("permit", what, more)]


def _stake_needed(look: Look) -> float:
    """The stake that a hotkey needs to get a validator permit."""
    rules, others = look.rules, [one.stake for one in look.metagraph.neurons if one.hotkey != look.hotkey]
    last = sorted(others, reverse=True)[rules.max_validators - 1 : rules.max_validators]
    return max(rules.stake_threshold, *last, 1e-9)
