"""The chain: whether it can be read, and how this neuron stands on it."""

from collections.abc import Iterator

from console.doctor.case import Case
from console.findings import Result, advice_of, critical, ok, skipped, warning
from engine.chain.embedded.look import look_of
from engine.chain.embedded.storage import FILE_NAME, ChainDataError, read_state
from engine.snapshot import ChainView
from engine.values import Metagraph, Neuron, at_port, host_and_port

ANYWHERE = ("0.0.0.0", "::")
LOOPBACK = "127.0.0.1"


def chain(case: Case) -> Iterator[Result]:
    """What a running engine says of the chain, else what the embedded chain's file says."""
    if case.snapshot is not None:
        yield _reachable(case.snapshot.chain)
        metagraph = case.snapshot.metagraph
    elif case.settings.network != "embedded":
        yield skipped("chain", f"{case.settings.network} is only asked by a running engine")
        return
    else:
        path = case.folder / FILE_NAME
        if not path.exists():
            yield skipped("chain", "the embedded chain is made at the first launch")
            return
        try:
            state = read_state(path)
        except ChainDataError as error:
            yield critical("chain", str(error), why="The embedded chain is this file.", do=advice_of(error))
            return
        metagraph = look_of(state).metagraph if state else None
        yield _file(case, metagraph)
    if metagraph is not None and metagraph.netuid == case.settings.netuid:
        yield from _neuron(case, metagraph)


def _reachable(view: ChainView) -> Result:
    if not view.reachable:
        return critical(
            "chain",
            f"{view.endpoint or 'it'} does not answer the running engine",
            why="Without it no weights are set, and nobody knows which miners there are.",
            do="Look at the log (6) for its last error; the engine tries again by itself.",
        )
    return ok("chain", f"{view.endpoint or view.network} answers, block {view.block:,}")


def _file(case: Case, metagraph: Metagraph | None) -> Result:
    if metagraph is None:
        return skipped("chain", "the embedded chain has no block yet")
    if metagraph.netuid != case.settings.netuid:
        return critical(
            "chain",
            f"{case.folder / FILE_NAME} holds netuid {metagraph.netuid}, not {case.settings.netuid}",
            why="An embedded chain is one subnet.",
            do=f"Say --netuid {metagraph.netuid}, or choose another --data-dir.",
        )
    return ok("chain", f"embedded, block {metagraph.block:,}, {len(metagraph.neurons)} neurons")


def _neuron(case: Case, metagraph: Metagraph) -> Iterator[Result]:
    if not case.hotkey:
        yield skipped("registration", "without a wallet nobody can say whether its hotkey is registered")
        return
    neuron = metagraph.by_hotkey(case.hotkey)
    if neuron is None:
        yield _not_registered(case)
        return
    yield ok("registration", f"uid {neuron.uid} on netuid {metagraph.netuid}")
    if case.settings.role == "miner":
        yield _axon(case, neuron)
    else:
        yield _permit(neuron)


def _not_registered(case: Case) -> Result:
    if case.settings.network == "embedded" and not case.settings.read_only:
        return ok("registration", "not yet; on the embedded chain a launch does it")
    return critical(
        "registration",
        f"this hotkey is not registered on netuid {case.settings.netuid}",
        why="Only registered neurons are asked, may ask, and are paid.",
        do="Register it (chain actions on the screen Weights, or btcli subnet register).",
    )


def _permit(neuron: Neuron) -> Result:
    if neuron.validator_permit:
        return ok("permit", f"uid {neuron.uid} may set weights")
    return warning(
        "permit",
        f"uid {neuron.uid} has no validator permit",
        why="Miners refuse validators without one, and the chain does not count their weights.",
        do="More stake on this hotkey gives it one at the next epoch, when the stake is among the largest.",
    )


def _axon(case: Case, neuron: Neuron) -> Result:
    announced = at_port(neuron.ip, neuron.port) if neuron.serving else "no address"
    server = case.snapshot.server if case.snapshot else None
    if server is None:
        return skipped("axon", f"{announced} is announced; where the miner listens is known while it runs")
    host, port = host_and_port(server.address)
    real = at_port(LOOPBACK if host in ANYWHERE else host, port)
    any_address = host in ANYWHERE and neuron.serving and neuron.port == port
    if any_address or announced == real:
        return ok("axon", f"{announced} is announced, which is where the miner listens")
    return warning(
        "axon",
        f"{announced} is announced, but the miner listens at {real}",
        why="Validators ask at the announced address.",
        do="Announce the address anew (chain action serve), and see what the serving rate limit says.",
    )
