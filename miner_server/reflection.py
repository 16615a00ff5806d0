"""Recognises a request of this process that comes back to one of its own servers.

A backend's address may lead to the miner itself, by another name of this machine or through a proxy. So requests to a
backend carry this process's mark, and a server of this process that sees the mark replies with it: a reply without the
mark came from somewhere else.
"""

import secrets

HEADER = "x-subnet-console-process"
MARK = secrets.token_hex(16)
STATUS = 508
"""Loop Detected (RFC 5842)."""
