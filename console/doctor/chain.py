"""The chain: whether it can be read, and how this neuron stands on it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from console.chain.sight import looking
from console.doctor.case import Case
from console.findings import Result, advice_of, critical, ok, skipped, warning
from engine.chain.earning import missing
from engine.chain.embedded.look import look_of
from engine.chain.embedded.state_file import FILE_NAME, ChainDataError, read_state
from engine.chain.interface import ChainUnavailable
from engine.redaction import url_shown
from engine.snapshot import ChainView, EndpointView, NeedView
from engine.values import Metagraph, Neuron, at_port, host_and_port

ANYWHERE = ("0.0.0.0", "::")
LOOPBACK = "127.0.0.1"


def chain(case: Case) -> Iterator[Result]:
    """The chain as seen by a running engine, or else by a node or the embedded chain's file."""
    if case.snapshot is not None:
        yield _reachable(case.snapshot.chain)
        yield from _endpoints(case.snapshot.chain.endpoints)
        metagraph, needs = case.snapshot.metagraph, case.snapshot.chain.needs
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
        metagraph = seen.metagraph
        needs = missing(seen, role=case.settings.role, coldkey=case.coldkey) if case.hotkey else ()
        network = url_shown(case.settings.network)
        yield ok("chain", f"{network} answers, block {metagraph.block:,}, {len(metagraph.neurons)} neurons")
        yield from _endpoints(endpoints)
    else:
        path = _file_of(case)
        if not path.exists():
            yield skipped("chain", "the embedded chain is made at the first launch")
            return
        try:
            state = read_state(path)
        except ChainDataError as error:
            yield critical("chain", str(error), why="The embedded chain is stored in this file.", do=advice_of(error))
            return
        metagraph, needs = look_of(state).metagraph if state else None, ()
        yield _file(case, metagraph)
    if metagraph is not None and metagraph.netuid == case.settings.netuid:
        yield from _neuron(case, metagraph, needs)


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
    """The health and the lag of each endpoint, where there are several."""
    for one in known if len(known) > 1 else ():
        use = ", in use" if one.in_use else ""
        lag = f", {one.behind:,} blocks behind" if one.behind else ""
        found = f"{one.url}: {one.state}{use}{lag}{': ' if one.reason else ''}{one.reason}"
        if one.state in ("good", "untried"):
            yield ok("endpoint", found)
        else:
            yield warning(
                "endpoint",
                found,
                why="The other endpoints are asked instead.",
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


def _neuron(case: Case, metagraph: Metagraph, needs: Sequence[NeedView]) -> Iterator[Result]:
    if not case.hotkey:
        yield skipped("registration", "unknown without a wallet")
        return
    neuron = metagraph.by_hotkey(case.hotkey)
    if neuron is None:
        yield from map(_lacking, needs) if needs else (_not_registered(case),)
        return
    yield ok("registration", f"uid {neuron.uid} on netuid {metagraph.netuid}")
    if needs and not case.settings.embedded:
        yield from map(_lacking, needs)
        return
    if case.settings.role == "miner":
        yield _axon(case, neuron)
    else:
        yield _permit(neuron)


WHY = {
    "funds": "Only registered neurons take part and are paid.",
    "registration": "Only registered neurons take part and are paid.",
    "axon": "Validators ask whoever is announced on chain, and nobody else.",
    "permit": "Miners refuse validators without one, and the chain does not count their weights.",
}


def _lacking(need: NeedView) -> Result:
    """What this neuron still needs to earn: each is a finding, in the order in which to do them."""
    found = critical if need.need in ("funds", "registration") else warning
    return found(need.need, need.what, why=WHY[need.need], do=need.do)


def _not_registered(case: Case) -> Result:
    if case.settings.embedded and not case.settings.read_only:
        return ok("registration", "not yet; the launch registers it on the embedded chain")
    return critical(
        "registration",
        f"this hotkey is not registered on netuid {case.settings.netuid}",
        why="Only registered neurons take part and are paid.",
        do="Register it (Weights screen, or `btcli subnet register`).",
    )


def _permit(neuron: Neuron) -> Result:
    if neuron.validator_permit:
        return ok("permit", f"uid {neuron.uid} may set weights")
    return warning(
        "permit",
        f"uid {neuron.uid} has no validator permit",
        why="Miners refuse validators without one, and the chain does not count their weights.",
        do="Add stake: the hotkeys with the most stake get a permit at the next epoch.",
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
