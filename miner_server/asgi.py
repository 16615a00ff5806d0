"""`uvicorn miner_server.asgi:app`: where operators of the Loosh miner look for its application.

What it is made of is the console's business, which knows the settings; this is its name only.
"""

from console.hosted import app

__all__ = ["app"]
