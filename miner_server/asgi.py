"""`uvicorn miner_server.asgi:app`: where operators of the Loosh miner look for its application.

What it is made of is the business of the package that knows the settings, which names it under an entry point.
"""

from engine.plugins import APPLICATION, added

if "miner" not in added(APPLICATION):
    raise ImportError("subnet-console is not installed here, only its files are: run `pip install .` in its folder")

app = added(APPLICATION)["miner"].load()
