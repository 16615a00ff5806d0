"""What redaction recognises of a secret however it is written, what it leaves alone, and that it is cheap."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from engine import logs
from engine.redaction import HIDDEN, hide_known, keys, know, know_url, redact, url_shown
from engine.settings import Secret, configure
from engine.text import safe
from tests.unit.effort import effort

KEY = "Zq7/Kd9+Xw2mNb4v=Rt6&Yc8"
BASE64 = base64.b64encode(KEY.encode()).decode()


def _slashed(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


WRITTEN: dict[str, str] = {
    "as it is": KEY,
    "in lines": KEY[:9] + "\n" + KEY[9:],
    "in JSON in lines": json.dumps(KEY[:9] + "\n" + KEY[9:]),
    "with spaces": " ".join(KEY),
    "with characters that nobody sees": "\u200b".join(KEY),
    "with NUL": "\0".join(KEY),
    "in capitals": KEY.upper(),
    "in small letters": KEY.lower(),
    "behind a letter that grows": "İ" + KEY.upper(),
    "slashes escaped": _slashed(KEY),
    "as code points": "".join(f"\\u{ord(one):04X}" for one in KEY),
    "as bytes": "".join(f"\\x{ord(one):02x}" for one in KEY),
    "in JSON": json.dumps({"key": KEY}),
    "in JSON in JSON": json.dumps(json.dumps({"key": _slashed(KEY)})),
    "in HTML": html.escape(KEY),
    "in HTML in HTML": html.escape(html.escape(KEY)),
    "as decimal entities": "".join(f"&#{ord(one)};" for one in KEY),
    "as hexadecimal entities": "".join(f"&#x{ord(one):X};" for one in KEY),
    "in a URL": quote(KEY, safe=""),
    "in a URL in small letters": quote(KEY, safe="").lower(),
    "in a URL in a URL": quote(quote(KEY, safe=""), safe=""),
    "in a form": quote_plus(KEY),
    "in base64": BASE64,
    "in base64 for URLs": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "a header in base64": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "a user's in base64": base64.b64encode(f"me:{KEY}".encode()).decode(),
    "without its beginning": KEY[1:],
    "without its end": KEY[:-5],
    "from its middle": KEY[5:19],
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_secret_is_hidden_however_it_is_written(written: str) -> None:
    know(KEY)
    for hide in (hide_known, safe, redact, keys(KEY).hide):
        shown = hide(f"key: <{written}> is wrong")
        assert HIDDEN in shown
        assert len(shown.replace(HIDDEN, "")) < len("key: <> is wrong") + 32, shown
        assert not any(KEY[start : start + 6].lower() in shown.lower() for start in range(len(KEY) - 5))
        assert shown.startswith("key: <") and shown.endswith("> is wrong")


@pytest.mark.parametrize("before", ["\\", "%", "%4", "&#", "&", "\\u", "\\x"])
def test_what_stands_before_a_secret_does_not_save_it(before: str) -> None:
    know("1a2b3c4d5e6f")
    assert safe(f"{before}1a2b3c4d5e6f") == f"{before}{HIDDEN}"


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://admin@db/x?authSource=orange-2024&replicaSet=rs0",
        "https://host/?author=orange-2024&keyboard=orange-2024&passage=orange-2024&design=orange-2024&monkey=orange-2024",
        "https://orange-2024@host/",
        "https://host/?key=orange&token=true&auth=12345678",
        "https://me:orange@host/",
    ],
)
def test_what_may_be_a_word_is_never_learnt_from_a_url(url: str) -> None:
    know_url(url)
    for said in ("admin", "orange-2024", "orange", "true", "12345678"):
        assert safe(f"It is {said}.") == f"It is {said}."


@pytest.mark.parametrize(
    "name", ["key", "api_key", "api-key", "apiKey", "X-Amz-Signature", "sig", "access_token", "secretAccessKey", "key2"]
)
def test_the_value_of_a_telling_name_is_hidden_in_a_url_however_short(name: str) -> None:
    assert url_shown(f"http://h/?a=1&{name}=x#{name}=y") == f"http://h/?a=1&{name}={HIDDEN}#{name}={HIDDEN}"


def test_a_long_password_and_a_long_name_are_hidden_in_a_url() -> None:
    assert url_shown(f"http://me:{'x' * 900}@h/?{'a' * 900}_key=x") == f"http://me:{HIDDEN}@h/?{'a' * 900}_key={HIDDEN}"


@pytest.mark.parametrize("name", ["authSource", "author", "keyboard", "passage", "design", "monkey", "tokenType"])
def test_a_name_that_only_has_a_telling_one_in_it_tells_nothing(name: str) -> None:
    assert url_shown(f"http://h/?{name}=x") == f"http://h/?{name}=x"


def test_variables_that_are_not_our_settings_are_not_read() -> None:
    configure({}, environ={"DATABASE_URL": "postgres://me:blue-whale-1@host/", "HTTPS_PROXY": "http://me:its-pass-1@h"})
    assert safe("blue-whale-1 its-pass-1") == f"blue-whale-1 {HIDDEN}"


def test_a_secret_setting_is_hidden_and_what_hides_it_stays_as_it_is() -> None:
    given = configure({}, environ={"SUBNET_CONSOLE_API_KEY": KEY}).settings.api_key
    assert isinstance(given, Secret)
    know(given)
    assert safe(f"<{KEY}>") == safe(safe(f"<{KEY}>")) == f"<{HIDDEN}>"
    assert safe("**** and *****") == "**** and *****"
    assert keys(given).hide(f"<{KEY}>") == f"<{HIDDEN}>"


@pytest.mark.parametrize("key", ["12345", "true", "elephant", "internationalization", "123456789012", "EMPTY", "a-1"])
def test_an_answer_that_may_be_meant_is_not_changed_for_a_key(key: str) -> None:
    know(key)
    assert keys(key).hide(f"The answer is {key}.") == f"The answer is {key}."


# -- time ------------------------------------------------------------------------------------------------------

MANY = 40_000
"""Characters: what grows with their square takes minutes."""

PIECES = [
    *"?&;#=:/@\\%\"' \n\t,.-_<>[]()+*0aA~",
    *("?key", "?key=", "&token=", "&amp;", "&amp;#", "&#", "&#x", "&#3", "\\u", "\\u00", "\\x", "%25", "%", "%2"),
    *("://", "://:", "http://a:b", "http://a:1/", "://a@", "key", "secret", "password:", "token = ", 'api_key": "'),
    *(
        "bearer ",
        "bearer",
        "seed",
        "mnemonic:",
        "sk-",
        "sk-a",
        "gAAAAA",
        "gAAAAA-",
        "0x",
        "0xa",
        "abc ",
        "abc, ",
        "abc,,,",
    ),
    *("-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----BEGIN A PRIVATE KEY", "-----END ", "-----END PRIVATE KEY"),
    *("Zq7/Kd9+Xw2", "Zq7/Kd9+Xw2m", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\u200b", "İ%"),
]


@pytest.mark.parametrize("head", ["", "://", "?key", "token", "-----BEGIN PRIVATE KEY-----", "bearer"])
def test_no_text_takes_more_time_than_its_length(head: str) -> None:
    know(KEY)
    know("a-short-1")
    for piece in PIECES:
        text = head + piece * (MANY // len(piece))
        with effort(at_most=2):
            redact(text, MANY)
            url_shown(text)


@pytest.mark.parametrize("clean", [redact, safe, logs.clean])
def test_a_text_of_megabytes_is_cut_before_it_is_looked_through(clean: Callable[[str], str]) -> None:
    know(KEY)
    text = f"{KEY} ?key={KEY} " * 200_000
    with effort(at_most=2):
        shown = clean(text)
    assert len(shown) <= 32_767 and "Zq7" not in shown


@pytest.mark.parametrize("shown", range(4000, 4100, 9))
def test_a_cut_shows_no_part_of_what_would_have_been_hidden(shown: int) -> None:
    seed = "0123456789abcdef" * 4
    for text in (f"{'x ' * (shown // 2)}{seed} {'y ' * 9000}", f"{'x ' * (shown // 2)}{seed}"):
        assert "0123456789" not in redact(text)


def test_a_hundred_secrets_cost_a_cell_little() -> None:
    for number in range(100):
        know(f"{number:02x}" * 32)
    with effort(at_most=2):
        for number in range(10_000):
            safe(f"neuron {number} answered in 12 ms: It is 42.")
