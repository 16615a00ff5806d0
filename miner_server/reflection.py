"""How a request that this process sent is known when it comes back to one of its own servers.

A backend's address may lead to the miner itself: by another name of this machine, or through a proxy. So what is sent
to a backend carries a mark of this process, and a server of this process that meets the mark says so.
"""

import secrets

from miner_server.call import Call, Reply, json_reply

HEADER = "x-subnet-console-process"
MARK = secrets.token_hex(16)
STATUS = 508
"""Loop Detected (RFC 5842)."""


def meets(call: Call) -> bool:
    """Whether this process sent the request itself."""
    return call.header(HEADER.encode()) == MARK


def reply() -> Reply:
    """What it gets to read; a reply without the mark came from somebody else."""
    return json_reply({"detail": "this is the miner that asks"}, STATUS)._replace(
        headers=((HEADER.encode(), MARK.encode()),)
    )
