"""What each call does to the chain: the embedded chain's rules, under the runtime's names."""

import ipaddress
from typing import Any, NamedTuple

from engine.chain.commitment import commitment
from engine.chain.embedded import neurons, weights
from engine.chain.embedded.state import RAO, ChainState, Refused
from engine.chain.interface import Sealed

POOL_CODES = {
    "NotEnoughStakeToSetWeights": 1,
    "NotEnoughBalanceToStake": 2,
    "SubnetNotExists": 3,
    "HotKeyAccountNotExists": 4,
    "SettingWeightsTooFast": 6,
    "CommittingWeightsTooFast": 6,
    "HotKeyNotRegisteredInNetwork": 10,
    "InvalidIpAddress": 11,
    "ServingRateLimitExceeded": 12,
    "InvalidPort": 13,
}
"""What the transaction pool refuses by itself, and under which number (CustomTransactionError); all else fails in a
block. A registration is not looked at by the pool."""


NO_ADDRESS = ("127.0.0.1", "::1")
"""Where mainnet lets nobody serve; the embedded chain does, and the rest of 127.0.0.0/8 passes on both."""


def apply(state: ChainState, signer: str, name: str, given: dict[str, Any]) -> ChainState:
    """The state after a call. Raises `Refused`."""
    if given.pop("netuid") != state.netuid:
        raise Refused("SubnetNotExists")
    match name, given:
        case "burned_register", {"hotkey": hotkey}:
            return neurons.register(state, coldkey=signer, hotkey=hotkey)
        case "register_limit", {"hotkey": hotkey, "limit_price": limit}:
            return neurons.register(state, coldkey=signer, hotkey=hotkey, limit=limit / RAO)
        case "serve_axon", {"ip": ip, "port": port, "ip_type": kind}:
            made = ipaddress.IPv6Address if kind == 6 else ipaddress.IPv4Address
            if str(made(ip)) in NO_ADDRESS:
                raise Refused("InvalidIpAddress")
            return neurons.serve_axon(state, hotkey=signer, ip=str(made(ip)), port=port)
        case "set_weights", {"dests": uids, "weights": values, "version_key": version}:
            return weights.set_weights(state, hotkey=signer, uids=uids, values=values, version_key=version)
        case "commit_weights", {"commit_hash": bound}:
            return weights.commit_weights(state, hotkey=signer, commit_hash=bound)
        case "commit_timelocked_weights", {"commit": commit, "reveal_round": until, "commit_reveal_version": version}:
            sealed = Sealed(commit=bytes.fromhex(commit[2:]), reveal_round=until, version=version)
            return weights.commit_timelocked(state, hotkey=signer, sealed=sealed)
        case "reveal_weights", {"uids": uids, "values": values, "version_key": version}:
            bound = commitment(state.netuid, signer, **given)
            return weights.reveal_weights(
                state, hotkey=signer, commit_hash=bound, uids=uids, values=values, version_key=version
            )
        case "remove_stake", {"hotkey": hotkey, "amount_unstaked": rao}:
            return neurons.remove_stake(state, coldkey=signer, hotkey=hotkey, amount=rao / RAO)
        case "add_stake", {"hotkey": hotkey, "amount_staked": rao}:
            return neurons.add_stake(state, coldkey=signer, hotkey=hotkey, amount=rao / RAO)
        case _:
            raise NotImplementedError(name)


COLLATERAL_CALLS = ("add_collateral", "set_min_collateral")


class Bond(NamedTuple):
    """A hotkey's collateral and its floor, in rao."""

    locked: int = 0
    floor: int = 0


def bonded(state: ChainState, bond: Bond, signer: str, name: str, given: dict[str, Any]) -> tuple[ChainState, Bond]:
    """The state after one of `COLLATERAL_CALLS`, and the hotkey's bond. Raises `Refused`.

    An alpha costs one token here, as everywhere on the embedded chain.
    """
    hotkey = given["hotkey"]
    account = state.hotkeys.get(hotkey)
    if account is None:
        raise Refused("HotKeyAccountNotExists")
    if account.coldkey != signer:
        raise Refused("NonAssociatedColdKey")
    if name == "set_min_collateral":
        return state, bond._replace(floor=given["min_locked"])
    alpha = given["alpha"]
    if alpha <= 0:
        raise Refused("AmountTooLow")
    if (short := alpha - (account.stake - bond.locked)) > 0:
        if given["limit_price"] < RAO:
            raise Refused("SlippageTooHigh")
        state = neurons.add_stake(state, coldkey=signer, hotkey=hotkey, amount=short / RAO)
    return state, bond._replace(locked=bond.locked + alpha)


def pool_code(name: str, refusal: Refused) -> int | None:
    """The number under which the pool refuses this call, None where it lets it through."""
    return None if name in ("burned_register", "register_limit") else POOL_CODES.get(refusal.name)
