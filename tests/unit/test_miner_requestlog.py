"""What a miner server remembers about its requests."""

from miner_server.call import Call
from miner_server.requestlog import CALLERS_KEPT, REQUESTS_KEPT, RequestLog


def call(hotkey: str = "", *, answer: str | None = None, reason: str = "") -> Call:
    async def receive() -> dict[str, object]:
        raise AssertionError("nothing is read here")

    made = Call("/fiber/challenge", {"headers": [], "client": ("127.0.0.1", 1)}, receive)
    made.hotkey, made.answer, made.reason, made.tokens = hotkey, answer, reason, 3
    return made


def test_the_last_requests_are_kept_newest_last_and_clean() -> None:
    log = RequestLog(lambda _: True)
    for number in range(REQUESTS_KEPT + 10):
        log.add(call("5V", answer=f"\x1b[31m{number}"), 200, 1.0)
        if number == 100:
            assert len(log.requests()) == 101
    shown = log.requests()
    assert len(shown) == REQUESTS_KEPT
    assert shown[-1].answer == f"␛[31m{REQUESTS_KEPT + 9}"
    assert log.statuses == {200: REQUESTS_KEPT + 10}
    assert log.tokens == 3 * (REQUESTS_KEPT + 10)


def test_look_ups_that_went_well_are_only_counted() -> None:
    log = RequestLog(lambda _: True)
    log.add(call(), 200, 1.0)
    log.add(call(), 404, 1.0)
    assert [request.status for request in log.requests()] == [404]
    assert log.statuses == {200: 1, 404: 1}


def test_a_look_up_in_a_hotkeys_name_is_shown() -> None:
    log = RequestLog(lambda _: True)
    log.add(call("5V"), 200, 1.0)
    log.add(call("5V", answer="x"), 200, 2.0)
    assert [(request.hotkey, request.status, request.ms) for request in log.requests()] == [
        ("5V", 200, 1.0),
        ("5V", 200, 2.0),
    ]
    [caller] = log.callers()
    assert (caller.requests, caller.ok, caller.p50_ms, caller.last_refusal) == (2, 2, 2.0, "")


def test_invented_names_do_not_push_out_validators() -> None:
    log = RequestLog(lambda hotkey: hotkey.startswith("valid"))
    for number in range(CALLERS_KEPT // 2):
        log.add(call(f"valid{number}", answer="x"), 200, 1.0)
    for number in range(3 * CALLERS_KEPT):
        log.add(call(f"made-up{number}", reason="not listed"), 403, 1.0)
    callers = log.callers()
    assert len(callers) == CALLERS_KEPT
    assert sum(caller.allowed for caller in callers) == CALLERS_KEPT // 2
    assert callers[0].last_refusal == "403 not listed"


def test_latencies_are_those_of_the_last_thousand_answers() -> None:
    log = RequestLog(lambda _: True)
    for ms in (9999.0, *range(1, 1001)):
        log.add(call("5V", answer="x"), 200, float(ms))
    assert log.latency(1.0) == 1000.0


def test_latencies_are_those_of_answers() -> None:
    log = RequestLog(lambda _: True)
    assert log.latency(0.5) == 0.0
    for ms in range(1, 101):
        log.add(call("5V", answer="x"), 200, float(ms))
        log.add(call("5V", reason="full"), 503, 9999.0)
    assert log.latency(0.5) == 50.0
    assert log.latency(0.95) == 95.0
    (caller,) = log.callers()
    assert (caller.requests, caller.ok) == (200, 100)
