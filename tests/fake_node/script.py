"""What a person, a test or a file has a fake node do, in words: one line, one trouble."""

from typing import get_args

from engine.keys import public_key
from tests.fake_node.metadata import grown, older
from tests.fake_node.node import FakeNode, Fault

FUNDS = 10_000
"""Tokens that a coldkey gets."""

HELP = """\
METHOD FAULT   the next request of this method meets it: cut before, cut after, silence, garbage, drip, error, upgrade,
               disown
fund COLDKEY   give this address 10,000 tokens
cut            cut every connection
stuck, moving  the head stays where it is, or not any more
lie N          the head is said to be N blocks higher than it is
peers N        the node says that it has so many
lose N         take the next N extrinsics and include them in no block
reorganise N   another branch wins, N blocks back
upgrade        a new runtime is in force
grow           the same, with items that mainnet's later runtimes have
older          the same, without what the runtime of July 2025 lacked
stale, fresh   serve the metadata of the runtime before, or not any more
bare, plain    refusals of the pool as chopsticks words them, or as a node does"""


class NotUnderstood(Exception):
    """A line that is not one of these commands; the message lists them."""


def obey(node: FakeNode, line: str) -> None:
    """Do what the line says. Raises `NotUnderstood`."""
    match line.split():
        case ["fund", coldkey] if public_key(coldkey):
            node.fund(coldkey, FUNDS)
        case ["cut"]:
            node.cut()
        case ["stuck" | "moving" as how]:
            node.stuck = how == "stuck"
        case ["lie", number] if number.lstrip("-").isdigit():
            node.lies_by = int(number)
        case ["peers", number] if number.isdigit():
            node.peers = int(number)
        case ["lose", number] if number.isdigit():
            node.chain.loses = int(number)
        case ["reorganise", number] if number.isdigit():
            node.chain.reorganise(int(number))
        case ["upgrade"]:
            node.chain.upgrade()
        case ["grow"]:
            node.chain.upgrade(grown())
        case ["older"]:
            node.chain.upgrade(older())
        case ["stale" | "fresh" as how]:
            node.stale = how == "stale"
        case ["bare" | "plain" as how]:
            node.bare_pool_errors = how == "bare"
        case [method, *words] if "_" in method and (fault := _fault(" ".join(words))):
            node.script(method, fault)
        case _:
            raise NotUnderstood(f"{line!r} is none of these:\n{HELP}")


def _fault(words: str) -> Fault | None:
    return next((fault for fault in get_args(Fault) if fault == words), None)
