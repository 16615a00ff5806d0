"""Who bears an admin's key makes, lists and revokes keys over HTTP, and nobody else does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from engine.api_keys import read_keys
from engine.store.store import Store
from tests.unit.gateway_helpers import Gateway, an_open_gateway, asked
from tests.unit.test_validator import store

__all__ = ["store"]


@asynccontextmanager
async def bearing(gateway: Gateway, key: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=f"{gateway.url}/admin", headers=headers, timeout=30) as client:
        yield client


async def test_an_admin_makes_lists_and_revokes_a_key_that_opens_the_gateway(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        admin = gateway.client("root", admin=True)
        async with bearing(gateway, admin.api_key) as http:
            made = await http.post("/keys", json={"name": "bob", "mode": "race", "requests_per_month": 1})
            assert made.status_code == 201
            bob = admin.with_options(api_key=made.json()["key"])
            assert (await asked(bob)).headers["x-subnet-mode"] == "race"
            with pytest.raises(openai.RateLimitError):
                await asked(bob)
            (listed,) = [one for one in (await http.get("/keys")).json()["data"] if one["name"] == "bob"]
            assert listed["used_this_month"]["requests"] == 1
            assert made.json()["key"] not in (await http.get("/keys")).text
            assert (await http.delete("/keys/bob")).json() == {"name": "bob", "deleted": True}
            with pytest.raises(openai.AuthenticationError):
                await asked(bob)


async def test_what_an_admin_may_not_do_is_told_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        admin, user = gateway.client("root", admin=True), gateway.client("me")
        wrong: list[tuple[str, str, dict[str, Any], int, str]] = [
            ("POST", "/keys", {"name": "me"}, 409, "already exists"),
            ("POST", "/keys", {"name": "no/such"}, 400, "name"),
            ("POST", "/keys", {}, 400, "name"),
            ("POST", "/keys", {"name": "x", "admin": True}, 400, "admin"),
            ("POST", "/keys", {"name": "x", "expires_at": "2001-01-01"}, 400, "expires_at"),
            ("POST", "/keys", {"name": "x", "expires_at": "2001-01-01T00:00:00"}, 400, "future"),
            ("POST", "/keys", {"name": "x", "tokens_per_minute": 0}, 400, "tokens_per_minute"),
            ("DELETE", "/keys/nobody", {}, 404, "no key is called"),
            ("DELETE", "/keys/root", {}, 403, "command line"),
        ]
        async with bearing(gateway, admin.api_key) as http:
            for method, path, body, status, said in wrong:
                reply = await http.request(method, path, json=body)
                assert (reply.status_code, said in reply.text) == (status, True), reply.text
        for key, status in ((user.api_key, 403), ("sk-subnet-wrong", 401)):
            async with bearing(gateway, key) as http:
                for method, path in (("GET", "/keys"), ("POST", "/keys"), ("DELETE", "/keys/me")):
                    assert (await http.request(method, path, json={"name": "y"})).status_code == status
        assert [one.name for one in read_keys(gateway.key_file)] == ["root", "me"]
