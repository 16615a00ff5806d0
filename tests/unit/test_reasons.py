"""Many reasons in few words."""

from engine.validator.reasons import in_short


def test_reasons_are_counted_the_most_frequent_first_with_examples() -> None:
    reasons = [("uid 7", "no connection: Connection refused"), *((f"uid {uid}", "timeout") for uid in range(5))]
    told = "5 × timeout (uid 0, uid 1, uid 2, …), 1 × no connection: Connection refused (uid 7)"
    assert in_short(reasons) == told


def test_what_differs_in_numbers_alone_is_one_reason() -> None:
    assert in_short([("a", "503: 17 of 64 wait"), ("b", "503: 9 of 64 wait")]) == "2 × 503: 17 of 64 wait (a, b)"


def test_whatever_miners_say_it_stays_short_and_clean() -> None:
    reasons = [(f"uid {uid}", f"{chr(97 + uid % 26) * (uid // 26 + 1)}\x1b[2J" + "x" * 9999) for uid in range(256)]
    told = in_short(reasons)
    assert len(told) < 270
    assert told.isprintable()
    assert told.endswith("and 253 other reasons")
    assert in_short(reasons[:4]).endswith("and 1 other reason")
