"""The chain: whether it can be read, and how this neuron stands on it."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.chain.sight import looking
from console.doctor.case import Case
from console.doctor.clock import against_chain
from console.findings import Result, advice_of, critical, ok, skipped, warning
from console.present.formats import blocks
from engine.chain.earning import missing
from engine.chain.embedded.look import look_of
from engine.chain.embedded.state_file import FILE_NAME, ChainDataError, read_state
from engine.chain.interface import ChainUnavailable
from engine.chain.standing import subnet_view
from engine.redaction import url_shown
from engine.snapshot import ChainView, EndpointView, NeedView, SubnetView
from engine.values import Metagraph, Neuron, at_port, host_and_port

ANYWHERE = ("0.0.0.0", "::")
LOOPBACK = "127.0.0.1"
LONGEST_S = 75.0
"""Longer than a chain call's own deadline plus the time to load a runtime."""

BLOCK_S = 12.0
IMMUNITY_ENDS_S = 6 * 3600.0
"""Leaves time to do something about a miner that earns nothing before its immunity ends."""


def chain(case: Case) -> Iterator[Result]:
    """The chain as seen by a running engine, or else by a node or the embedded chain's file."""
    if case.snapshot is not None:
        view = case.snapshot.chain
        yield _reachable(view)
        yield from _endpoints(view.endpoints)
        yield from _on_time(view.ahead_s, view.block_time)
        metagraph, needs, subnet = case.snapshot.metagraph, view.needs, case.snapshot.subnet
    elif not case.settings.embedded:
        try:
            with looking(case.settings) as look:
                seen = look(case.hotkey, case.coldkey)
                endpoints = look.endpoints
        except ChainUnavailable as error:
            yield critical(
                "chain",
                str(error),
                why="Without it no weights can be set, and the miners are unknown.",
                do="Check that this machine can reach the endpoint, or name another with --network.",
            )
            return
        metagraph, subnet = seen.metagraph, subnet_view(seen, block_time=BLOCK_S)
        needs = missing(seen, role=case.settings.role, coldkey=case.coldkey) if case.hotkey else ()
        network = url_shown(case.settings.network)
        yield ok("chain", f"{network} answers, block {metagraph.block:,}, {len(metagraph.neurons)} neurons")
        yield from _endpoints(endpoints)
        yield from _on_time(time.time() - seen.made_at if seen.made_at else None, BLOCK_S)
    else:
        yield from _embedded(case)
        return
    if metagraph is not None and metagraph.netuid == case.settings.netuid:
        yield from _neuron(case, metagraph, needs, subnet)


def _embedded(case: Case) -> Iterator[Result]:
    path = _file_of(case)
    if not path.exists():
        yield skipped("chain", "the embedded chain is created by the first launch")
        return
    try:
        state = read_state(path)
    except ChainDataError as error:
        yield critical("chain", str(error), why="The embedded chain is stored in this file.", do=advice_of(error))
        return
    metagraph = look_of(state).metagraph if state else None
    yield _file(case, metagraph)
    if metagraph is not None and metagraph.netuid == case.settings.netuid:
        yield from _neuron(case, metagraph, (), None)


def _on_time(ahead_s: float | None, block_time: float) -> Iterator[Result]:
    if found := against_chain(ahead_s, block_time):
        yield found


def _reachable(view: ChainView) -> Result:
    if not view.reachable:
        return critical(
            "chain",
            f"{view.endpoint or 'it'} does not answer the running engine",
            why="Without it no weights can be set, and the miners are unknown.",
            do="The log (6) has the last error; the engine keeps trying.",
        )
    return ok("chain", f"{view.endpoint or view.network} answers, block {view.block:,}")


def _endpoints(known: Sequence[EndpointView]) -> Iterator[Result]:
    """The health and lag of the endpoints, if there are several or one is in trouble."""
    for one in known if len(known) > 1 else [one for one in known if one.reason]:
        use = ", in use" if one.in_use else ""
        lag = f", {one.behind:,} blocks behind" if one.behind else ""
        found = f"{one.url}: {one.state}{use}{lag}{': ' if one.reason else ''}{one.reason}"
        if one.state in ("good", "untried"):
            yield ok("endpoint", found)
        else:
            yield warning(
                "endpoint",
                found,
                why="The other endpoints are used instead.",
                do="Check that node, or leave it out of --network.",
            )


def _file_of(case: Case) -> Path:
    """The embedded chain's file."""
    return (case.settings.shared_chain or case.folder) / FILE_NAME


def _file(case: Case, metagraph: Metagraph | None) -> Result:
    if metagraph is None:
        return skipped("chain", "the embedded chain has no blocks yet")
    if metagraph.netuid != case.settings.netuid:
        return critical(
            "chain",
            f"{_file_of(case)} holds netuid {metagraph.netuid}, not {case.settings.netuid}",
            why="An embedded chain has exactly one subnet.",
            do=f"Use --netuid {metagraph.netuid}, or another --data-dir.",
        )
    return ok("chain", f"embedded, block {metagraph.block:,}, {len(metagraph.neurons)} neurons")


def _neuron(case: Case, metagraph: Metagraph, needs: Sequence[NeedView], subnet: SubnetView | None) -> Iterator[Result]:
    if not case.hotkey:
        yield skipped("registration", "unknown without a wallet")
        return
    neuron = metagraph.by_hotkey(case.hotkey)
    if neuron is None:
        yield from map(_lacking, needs) if needs else (_not_registered(case),)
        return
    yield ok("registration", f"uid {neuron.uid} on netuid {metagraph.netuid}")
    if case.coldkey and neuron.coldkey != case.coldkey and not case.settings.embedded:
        yield _other_owner(case, neuron)
    if subnet is not None and not case.settings.embedded:
        yield _place(neuron, subnet)
    if needs and not case.settings.embedded:
        yield from map(_lacking, needs)
        return
    if case.settings.role == "miner":
        yield _axon(case, neuron)
    else:
        yield _permit(neuron, embedded=case.settings.embedded)


def _other_owner(case: Case, neuron: Neuron) -> Result:
    return warning(
        "owner",
        f"the chain has {neuron.coldkey} as this hotkey's coldkey, and coldkeypub.txt has {case.coldkey}",
        why="The balance shown is the wrong one, and staking from this wallet would use another coldkey.",
        do="Put the owner's coldkeypub.txt beside this hotkey, or use this wallet's own hotkey.",
    )


def _place(neuron: Neuron, subnet: SubnetView) -> Result:
    """Whether this neuron is about to be replaced: its immunity, and how many would be replaced before it."""
    name = "place"
    view = subnet.neuron(neuron.uid)
    immune = view.immune if view else 0
    is_full = len(subnet.neurons) >= subnet.max_uids > 0
    before = subnet.lowest.index(neuron.uid) if neuron.uid in subnet.lowest else None
    safe_for = f"immune for another {blocks(immune, BLOCK_S)}" if immune else "outside immunity"
    if is_full and before is not None and not (immune and immune * BLOCK_S > IMMUNITY_ENDS_S):
        who = (
            "the next registration takes"
            if before == 0
            else f"only {before} would be replaced before it; the next one takes"
        )
        return (critical if before == 0 and not immune else warning)(
            name,
            f"{safe_for}, and {who} uid {neuron.uid}",
            why="On a full subnet each registration replaces the neuron that earns least, once it is not immune.",
            do="Make sure that it answers (Server) and that validators reach it: neurons that earn more stay.",
        )
    if immune and not neuron.emission and immune * BLOCK_S <= IMMUNITY_ENDS_S:
        return warning(
            name,
            f"{safe_for}, and it has earned nothing yet",
            why="Once immunity ends, the neurons that earn least are replaced first.",
            do="Make sure that it answers (Server) and that validators reach its announced address.",
        )
    if not is_full:
        return ok(name, f"{safe_for}; {len(subnet.neurons)} of {subnet.max_uids} uids are taken, so none is replaced")
    return ok(
        name, f"{safe_for}; the subnet is full, and at least {before or len(subnet.lowest)} would be replaced before it"
    )


WHY = {
    "funds": "Only registered neurons take part and are paid.",
    "registration": "Only registered neurons take part and are paid.",
    "axon": "Validators only ask miners whose address is announced on chain.",
    "permit": "Miners refuse validators without one, and the chain does not count their weights.",
}


def _lacking(need: NeedView) -> Result:
    """What this neuron still lacks to earn, as findings in the order in which to fix them."""
    found = critical if need.need in ("funds", "registration") else warning
    return found(need.need, need.what, why=WHY[need.need], do=need.do)


def _not_registered(case: Case) -> Result:
    if case.settings.embedded and not (case.settings.read_only and case.settings.shared_chain):
        return ok("registration", "not yet; launch registers it on the embedded chain")
    return critical(
        "registration",
        f"this hotkey is not registered on netuid {case.settings.netuid}",
        why="Only registered neurons take part and are paid.",
        do="Register it (Weights screen, or `btcli subnet register`).",
    )


def _permit(neuron: Neuron, *, embedded: bool) -> Result:
    if neuron.validator_permit:
        return ok("permit", f"uid {neuron.uid} may set weights")
    get = "the hotkeys with the most stake get a permit at the next epoch"
    wait = f"Wait: {get}, minutes after the launch, and this one has {neuron.stake:,.0f}."
    return warning(
        "permit",
        f"uid {neuron.uid} has no validator permit{' yet' if embedded else ''}",
        why="Miners refuse validators without one, and the chain does not count their weights.",
        do=wait if embedded and neuron.stake else f"Add stake: {get}.",
    )


def _axon(case: Case, neuron: Neuron) -> Result:
    announced = at_port(neuron.ip, neuron.port) if neuron.serving else "no address"
    server = case.snapshot.server if case.snapshot else None
    if server is None:
        return skipped("axon", f"{announced} is announced; the miner's own address is only known while it runs")
    host, port = host_and_port(server.address)
    real = at_port(LOOPBACK if host in ANYWHERE else host, port)
    any_address = host in ANYWHERE and neuron.serving and neuron.port == port
    if any_address or announced == real:
        return ok("axon", f"{announced} is announced, and the miner listens there")
    return warning(
        "axon",
        f"{announced} is announced, but the miner listens at {real}",
        why="Validators call the announced address.",
        do="Announce the address again (`chain serve`), once the serving rate limit allows it.",
    )
