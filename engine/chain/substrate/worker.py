"""The process that holds the connection to a node: reads requests on stdin, answers on stdout, until stdin ends."""

import resource
from json import JSONDecodeError
from ssl import SSLError
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.chain.substrate.messages import (
    Answer,
    Connect,
    Find,
    HeadBlock,
    Known,
    NodeFailed,
    PalletCall,
    Prices,
    ReadFate,
    ReadHead,
    ReadLook,
    ReadPrices,
    Rejection,
    Request,
    Seal,
    Seen,
    Send,
    Survey,
    Surveyed,
    read_request,
    write,
)
from engine.pipes import own_pipes
from engine.text import safe

if TYPE_CHECKING:
    from engine.chain.substrate.connection import NodeConnection


class Worker:
    """Answers one request after another. A failed connection is replaced before the next request."""

    def __init__(self) -> None:
        self._node: NodeConnection | None = None
        self._asked_for = Connect(url="", timeout_s=0.0)
        self._doubtful = False

    def answer(self, request: Request) -> Answer:
        """The node's answer, or `NodeFailed`."""
        from engine.chain.substrate.glance import Unfit, survey

        try:
            if isinstance(request, Survey):
                return Surveyed(tuple(survey(request.urls, request.anchor, request.timeout_s, _worded)))
            if isinstance(request, Connect):
                self._asked_for = request
                return self._connected()
            if self._doubtful:
                self._connected()
            return self._answered(request)
        except Unfit as error:
            return NodeFailed(str(error), unfit=True)
        except Exception as error:  # from the library, the network, or whatever the node sent
            self._doubtful = True
            return NodeFailed(_worded(error))

    def _connected(self) -> Answer:
        from engine.chain.substrate.connection import NodeConnection

        wanted = self._asked_for
        self._doubtful = True
        if self._node is None:
            self._node = NodeConnection(wanted.url, wanted.timeout_s)
        else:
            self._node.reconnect(wanted.url)
        connected = self._node.check(wanted.anchor)
        self._asked_for = replace(wanted, anchor=connected.anchor)
        self._doubtful = False
        return connected

    def _answered(self, request: Request) -> Answer:
        from engine.chain.substrate.reads import NotOnChain

        node = self._node
        if node is None:
            raise ConnectionError("not connected")
        match request:
            case ReadHead():
                return HeadBlock(node.head())
            case ReadLook():
                try:
                    return Seen(node.look(request.netuid, request.hotkey, request.coldkey, request.mechanism))
                except NotOnChain as error:
                    return Rejection(str(error))
            case ReadFate():
                return Known(node.fate(request))
            case ReadPrices():
                return Prices(tuple(node.prices(request)))
            case Seal():
                return node.seal(request)
            case PalletCall():
                return node.compose(request)
            case Send():
                return node.send(request.unsigned, request.signature)
            case Find():
                return node.find(request.reference, request.block)
        raise TypeError(request)


def _worded(error: Exception) -> str:
    """The error in one line, in plain words: what failed, or what the node answered that no node answers."""
    from substrateinterface.exceptions import SubstrateRequestException
    from websocket import (
        WebSocketAddressException,
        WebSocketBadStatusException,
        WebSocketConnectionClosedException,
        WebSocketException,
        WebSocketTimeoutException,
    )

    from engine.chain.substrate.node_socket import TooLarge

    match error:
        case WebSocketTimeoutException() | TimeoutError():
            return "the node does not answer"
        case WebSocketConnectionClosedException():
            return "the node closed the connection"
        case WebSocketBadStatusException(status_code=status):
            return f"not a node: it answers with HTTP status {status}"
        case WebSocketAddressException():
            return "its host name does not resolve"
        case WebSocketException():
            return "not a node: it does not speak the websocket protocol"
        case SubstrateRequestException(args=[{"message": str(message)}, *_]):
            return f"the node failed: {safe(message, MOST_SAID)}"
        case JSONDecodeError():
            return "not a node: its answer is not JSON"
        case SSLError():
            return f"no secure connection: {safe(str(error.reason or error), MOST_SAID)}"
        case OSError(strerror=str(reason)):
            return reason
        case TooLarge() | MemoryError():
            return "not a node: its answer is too large"
    return f"not a Subtensor node: its answer cannot be read ({type(error).__name__})"


MOST_SAID = 200
"""In terminal cells: how much of a node's own words is shown."""

MOST_MEMORY = 2 << 30
"""In bytes: ten times mainnet's metadata. A node that sends too much makes this process fail, not the machine."""


def main() -> None:
    """Serve one engine until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    requests, answers = own_pipes()
    worker = Worker()
    while (request := read_request(requests)) is not None:
        write(answers, worker.answer(request))


if __name__ == "__main__":
    main()
