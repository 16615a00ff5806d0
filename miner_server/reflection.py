"""How a request that this process sent is known when it comes back to one of its own servers.

A backend's address may lead to the miner itself: by another name of this machine, or through a proxy. So what is sent
to a backend carries a mark of this process, and a server of this process that meets the mark says so, with the mark: a
reply without it came from somebody else.
"""

import secrets

HEADER = "x-subnet-console-process"
MARK = secrets.token_hex(16)
STATUS = 508
"""Loop Detected (RFC 5842)."""
