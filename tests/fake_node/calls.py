"""What each call does to the chain: the embedded chain's rules, under the runtime's names."""

import ipaddress
from typing import Any

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
block. A registration is not looked at by the pool, nor is what is done with collateral."""


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
        case "add_collateral", {"hotkey": hotkey, "alpha": rao, "limit_price": limit}:
            return neurons.add_collateral(state, coldkey=signer, hotkey=hotkey, amount=rao / RAO, price=limit / RAO)
        case "set_min_collateral", {"hotkey": hotkey, "min_locked": rao}:
            return neurons.set_min_collateral(state, coldkey=signer, hotkey=hotkey, amount=rao / RAO)
        case _:
            raise NotImplementedError(name)


UNSEEN = ("burned_register", "register_limit", "add_collateral", "set_min_collateral")


def pool_code(name: str, refusal: Refused) -> int | None:
    """The number under which the pool refuses this call, None where it lets it through."""
    return None if name in UNSEEN else POOL_CODES.get(refusal.name)
