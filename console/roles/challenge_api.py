"""Composes a Challenge API for a subnet's owner: it stores challenges, has validators answer them, and tells the
answers."""

from collections.abc import Callable
from contextlib import AsyncExitStack

from msgspec.structs import replace

from console.roles.challenge_door import ChallengeApp
from console.roles.door import Door
from console.roles.gateway import gateway
from console.roles.metrics_door import metrics_door
from console.roles.session import Session
from engine.api_keys import FILE_NAME as KEY_FILE
from engine.api_keys import ApiKeys
from engine.gateway.challenge_desk import ChallengeDesk
from engine.gateway.known_validators import KnownValidators
from engine.gateway.pusher import Pusher
from engine.key_use import FILE_NAME as USE_FILE
from engine.key_use import KeyUse
from engine.node.part import Part
from engine.store.challenge_file import FILE_NAME, ChallengeFile
from engine.transport.http import PeerClients
from miner_server.openai.budgets import Budgets

SERVICE = "Challenge API"
OPTION = "--host and --port"
HOUR_S = 3600.0


class ApiDoor:
    """A service, bound from the beginning. Raises MinerError."""

    def __init__(self, host: str, port: int, app: ChallengeApp) -> None:
        self._app = app
        self.door = Door(host, port, app.app, name=SERVICE, option=OPTION)

    async def run(self, started: Callable[[], None]) -> None:
        await self._app.brought.start()
        await self.door.run(started)


async def run(session: Session, stack: AsyncExitStack) -> None:
    """Run a Challenge API until it is stopped. Raises `ConsoleError`, `MinerError`, StoreError and KeyFileError."""
    settings, feed, hotkey = session.settings, session.feed, session.wallet.hotkey
    await session.join(session.wallet)
    book = await ChallengeFile.open(session.folder / FILE_NAME)
    stack.push_async_callback(book.close)
    validators = KnownValidators(settings.validators, hotkey.ss58_address)
    clients = PeerClients(allow_private=settings.allow_private)
    stack.push_async_callback(clients.close)
    pusher = Pusher(lambda: validators.at_addresses, hotkey, clients, feed)
    desk = ChallengeDesk(book, pusher, feed, retention_s=settings.organic_retention * HOUR_S)
    keys, use = ApiKeys(session.folder / KEY_FILE), KeyUse(session.folder / USE_FILE)
    app = ChallengeApp(desk, book, validators, keys, Budgets(use))
    api = ApiDoor(settings.host, settings.port, app)
    feed.raise_attention(
        "info", SERVICE, f"challenges are taken at {api.door.url}, and pushed by {hotkey.ss58_address}"
    )
    part = Part(
        services={SERVICE: lambda: api, "pusher": lambda: pusher, "challenges": lambda: desk},
        on_metagraph=(validators.hear,),
    )
    by_consensus = replace(session, settings=replace(settings, gateway_mode="consensus"))
    parts = (part, gateway(by_consensus, desk), metrics_door(settings.metrics, feed))
    await session.node(*parts).run(until=SERVICE)
