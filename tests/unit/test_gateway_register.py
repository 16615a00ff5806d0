"""The register of users' requests, and the keys that the Gateway screen makes and revokes."""

from pathlib import Path

import openai
import pytest

from console.roles.own_keys import OwnKeys
from engine.api_keys import ApiKeys, KeyLimits, add_key
from engine.gateway.desk import RoutedRequest
from engine.gateway.register import ENDED_KEPT, RequestRegister
from engine.store.store import Store
from tests.unit.engine_helpers import until
from tests.unit.gateway_helpers import an_open_gateway, asked
from tests.unit.test_validator import MINERS, store

__all__ = ["store"]


def test_a_request_is_shown_from_its_first_moment_to_its_end() -> None:
    now = [100.0]
    register = RequestRegister(price=2.0, clock=lambda: now[0])
    errand = RoutedRequest("race")
    request = register.enter("alice", errand, streamed=True)
    (view,) = register.view()
    assert (view.key, view.mode, view.state, view.first_ms, view.ms) == ("alice", "race", "waiting", None, None)
    now[0] += 0.25
    errand.begin("c-1")
    request.speak()
    now[0] += 0.5
    request.speak()
    (view,) = register.view()
    assert (view.state, view.round, view.first_ms) == ("speaking", "c-1", 250.0)
    errand.uid = 7
    request.answered(tokens=1_000_000)
    (view,) = register.view()
    assert (view.state, view.uid, view.first_ms, view.ms, view.price) == ("answered", 7, 250.0, 750.0, 2.0)
    assert (register.requests, register.tokens, register.cost) == (1, 1_000_000, 2.0)


def test_what_is_kept_is_bounded_and_what_a_miner_says_is_clean() -> None:
    register = RequestRegister()
    register.enter("first", RoutedRequest("fast"), streamed=False)
    for _ in range(ENDED_KEPT + 50):
        register.enter("me", RoutedRequest("fast"), streamed=False).refused("uid 3: \x1b[31mred\nline")
    shown = register.view()
    assert len(shown) == ENDED_KEPT + 1
    assert shown[0].key == "first", "one that still waits is not forgotten"
    assert "\x1b" not in shown[-1].reason
    assert "\n" not in shown[-1].reason
    assert register.requests == ENDED_KEPT + 51


async def test_the_gateways_own_requests_are_in_it(store: Store, tmp_path: Path) -> None:
    async with an_open_gateway(store, tmp_path) as gateway:
        register = gateway.server._backend._register  # type: ignore[attr-defined]
        client = gateway.client("alice")
        await asked(client)
        gateway.caller.pieces = {hotkey: ["It ", "is 42."] for hotkey in MINERS}
        gateway.caller.gate.clear()
        streamed = await asked(client, stream=True)
        await until(lambda: register.view()[-1].state == "speaking")
        await streamed.http_response.aclose()
        await until(lambda: register.view()[-1].state == "left")
        gateway.caller.gate.set()
        gateway.caller.pieces = {}
        gateway.caller.answers = dict.fromkeys(MINERS, "")
        with pytest.raises(openai.APIStatusError):
            await asked(client)
        first, left, refused = register.view()
        assert (first.key, first.state, first.streamed, bool(first.round)) == ("alice", "answered", False, True)
        assert first.uid is not None
        assert first.tokens > 0
        assert left.streamed
        assert (refused.state, "miners gave" in refused.reason or "uid" in refused.reason) == ("refused", True)


async def test_the_screen_makes_a_key_that_nobody_else_is_told_and_revokes_it(tmp_path: Path) -> None:
    add_key(tmp_path / "api-keys.json", "bob", limits=KeyLimits(tokens_per_month=5))
    keys = ApiKeys(tmp_path / "api-keys.json")
    own = OwnKeys(tmp_path, keys)
    made = await own.add("alice")
    file = tmp_path / "new-key-alice"
    key = file.read_text().strip()
    assert made.status == "ok"
    assert str(file) in made.reason
    assert key not in made.reason
    assert file.stat().st_mode & 0o777 == 0o600
    assert keys.find(key) is not None
    assert [(one.name, one.tokens_per_month) for one in own.view()] == [("alice", None), ("bob", 5)]
    assert (await own.add("alice")).status == "rejected"
    assert (await own.add("../alice")).status == "rejected"
    assert (await own.revoke("alice")).status == "ok"
    assert keys.find(key) is None
    assert (await own.revoke("alice")).status == "rejected"
