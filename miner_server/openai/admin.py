"""Keys made, listed and revoked over HTTP by the bearer of an admin's key, as `subnet-console keys` does it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from msgspec import Meta, Struct
from msgspec.structs import asdict

from engine.api_keys import (
    NAME,
    ApiKey,
    ApiKeys,
    KeyFileError,
    KeyLimits,
    KeyManner,
    KeyRefused,
    add_key,
    read_keys,
    revoke_key,
)
from engine.key_use import KeyUse, list_keys
from engine.text import safe
from engine.transport.dialect import Response
from engine.values import GatewayMode
from miner_server.call import Call, json_response
from miner_server.endpoint import Handler
from miner_server.openai.errors import ApiError
from miner_server.openai.request import converted, read_object

log = logging.getLogger(__name__)

T = TypeVar("T")

KEYS = "/v1/admin/keys"
ON_THE_COMMAND_LINE = "keys of admins are made and revoked on the command line alone"


class KeyBody(KeyLimits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made, as the options of `keys add` say it. A time without an offset is UTC."""

    name: Annotated[str, Meta(pattern=f"^{NAME.pattern}")]
    expires_at: datetime | None = None
    mode: GatewayMode | None = None
    keeps_nothing: bool = False

    @property
    def limits(self) -> KeyLimits:
        return KeyLimits(**{name: getattr(self, name) for name in KeyLimits.__struct_fields__})


class Files(Struct, frozen=True):
    """The files of the keys and of their use, which are where their validator or miner runs."""

    keys: ApiKeys
    use: KeyUse


class Admin:
    """The routes for keys. `admit` finds the key that a call bears, `read` its body of at most `body_bytes`."""

    def __init__(
        self,
        access: Files,
        admit: Callable[[Call], Awaitable[ApiKey]],
        read: Callable[[Call], Awaitable[bytes]],
        body_bytes: int,
    ) -> None:
        self._access = access
        self._admit = admit
        self._read = read
        self._body_bytes = body_bytes

    def routes(self) -> tuple[tuple[str, str, Handler], ...]:
        """Method, path and handler of each route."""
        return (
            ("GET", KEYS, self.listing),
            ("POST", KEYS, self.add),
            ("DELETE", f"{KEYS}/{{name}}", self.revoke),
        )

    async def listing(self, call: Call) -> Response:
        """All keys and what they have used this month."""
        await self._admit_admin(call)
        listed = await _in_thread(lambda: list_keys(self._access.keys.path, self._access.use.path), 409)
        return json_response({"object": "list", "data": listed})

    async def add(self, call: Call) -> Response:
        """A new key, which is told this once."""
        admin = await self._admit_admin(call)
        body: KeyBody = converted(read_object(await self._read(call), self._body_bytes), KeyBody)
        expires_at = _unix(body.expires_at)
        manner = KeyManner(mode=body.mode, keeps_nothing=body.keeps_nothing)
        made = await _in_thread(
            lambda: add_key(
                self._access.keys.path, body.name, expires_at=expires_at, limits=body.limits, manner=manner
            ),
            409,
        )
        log.info("key %s was made by the bearer of %s", body.name, admin.name)
        return json_response({"name": body.name, "key": made, **asdict(body.limits), **asdict(manner)}, status=201)

    async def revoke(self, call: Call) -> Response:
        """The end of a key, and of what its bearer is being answered."""
        admin = await self._admit_admin(call)
        name, path = call.scope["path_params"]["name"], self._access.keys.path

        def revoke() -> None:
            if any(one.admin for one in read_keys(path) if one.name == name):
                raise ApiError(403, ON_THE_COMMAND_LINE)
            revoke_key(path, name)

        await _in_thread(revoke, 404)
        log.info("key %s was revoked by the bearer of %s", safe(name, 64), admin.name)
        return json_response({"name": name, "deleted": True})

    async def _admit_admin(self, call: Call) -> ApiKey:
        key = await self._admit(call)
        if not key.admin:
            raise ApiError(403, "this takes the key of an admin: 'subnet-console keys add NAME --admin' makes one")
        return key


def _unix(at: datetime | None) -> float | None:
    """Raises ApiError unless it is to come."""
    if at is None:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at <= datetime.now(UTC):
        raise ApiError(400, "expires_at is not in the future", param="expires_at")
    return at.timestamp()


async def _in_thread(change: Callable[[], T], status: int) -> T:
    """Files are read and written beside the loop. Raises ApiError, with `status` for what makes no sense."""
    try:
        return await asyncio.to_thread(change)
    except KeyRefused as refused:
        raise ApiError(status, str(refused), param="name") from None
    except KeyFileError as error:
        log.error("%s", error)
        raise ApiError(503, "the file of keys cannot be used at the moment: see the log") from None
