"""Known secrets are hidden wherever they occur, in every form, and at every outlet."""

import base64
import html
import json
import stat
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.faults import write_report
from engine import redaction
from engine.chain.wallets import throwaway
from engine.redaction import HIDDEN, hide_within, know, know_url, redact
from engine.settings import Secret, configure
from engine.settings.setting import SettingsError
from engine.text import csv_cell, safe
from tests.unit.effort import effort
from tests.unit.engine_helpers import a_feed, named

KEY = "abc/Def+42~not-like-a-key"


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}.",
        f"bad header Authorization: Basic {KEY}",
        f"GET /v1/models?key={quote(KEY, safe='')}",
        f"{KEY}{KEY}",
        f"x{KEY}x",
        f"no room for all of it: {KEY[:-4]}…",
    ],
)
def test_a_known_secret_is_hidden_wherever_it_stands(text: str) -> None:
    know(KEY)
    for shown in (safe(text), redact(text), csv_cell(text), safe(text, 400, lines=True)):
        assert HIDDEN in shown
        assert "not-like" not in shown


@pytest.mark.parametrize(
    "secret", ['quo"te\\slash-secret', "umlaut-äöü-secret", "tab\tand\nnewline-secret", "not-utf8-\udcff-secret"]
)
def test_a_secret_that_must_be_escaped_is_hidden_as_json_and_repr_write_it(secret: str) -> None:
    know(secret)
    for quoted in (secret, json.dumps({"key": secret}), json.dumps(secret, ensure_ascii=False), repr({"key": secret})):
        assert "secret" not in safe(f"said {quoted}")


@pytest.mark.parametrize("copied", [" key-of-1\n", "Bearer key-of-1", " Bearer  key-of-1 "])
def test_what_was_copied_along_with_a_secret_does_not_save_it(copied: str) -> None:
    know(copied)
    for said in ("no such key: key-of-1.", f"no such key: {copied}."):
        assert "key-of-1" not in safe(said)


def test_a_secret_is_hidden_as_a_page_of_html_writes_it() -> None:
    secret = 'a<secret>&"more"'
    know(secret)
    assert safe(f"<p>{html.escape(secret)}</p>") == f"<p>{HIDDEN}</p>"


def test_a_short_secret_is_hidden_as_a_word_alone() -> None:
    know("1234")
    assert safe("key 1234, block 123456, '1234'") == f"key {HIDDEN}, block 123456, '{HIDDEN}'"


@pytest.mark.parametrize("secret", ["", "a", "abc"])
def test_what_is_too_short_hides_nothing(secret: str) -> None:
    know(secret)
    assert safe("a secret abc") == "a secret abc"


def test_a_cut_secret_is_hidden_in_whichever_form_it_is() -> None:
    secret = "twelve-and-more/of-a-key"
    know(secret)
    for cut in (secret[:-4], quote(secret, safe="")[:-4]):
        assert safe(f"cut: {cut}…") == f"cut: {HIDDEN}…"


def test_a_beginning_that_overlaps_saves_no_secret() -> None:
    know("a" * 14 + "-and-the-rest")
    assert "rest" not in safe("a" * 20 + "-and-the-rest")


def test_plain_data_is_searched_to_its_ends() -> None:
    know(KEY)
    data = {"a": [1, None, True, 2.5, f"x {KEY}"], KEY: ({"b": KEY},)}
    assert hide_within(data) == {"a": [1, None, True, 2.5, f"x {HIDDEN}"], HIDDEN: ({"b": HIDDEN},)}


def test_an_event_that_was_not_cleaned_tells_no_secret() -> None:
    know(KEY)
    feed = a_feed()
    feed.emit("stopped", reason=f"the server said {KEY}")
    assert named(feed, "stopped") == [{"reason": f"the server said {HIDDEN}"}]


def test_a_report_of_an_error_tells_no_secret(tmp_path: Path) -> None:
    know(KEY)
    try:
        raise ValueError(f"the server said {KEY}, {json.dumps(KEY)}, {quote(KEY)}")
    except ValueError as error:
        report = write_report(error, tmp_path)
    text = report.read_text()
    assert "the server said ******" in text
    assert "not-like" not in text
    assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_text_full_of_a_well_known_beginning_costs_little() -> None:
    know("sk-ant-api03-" + "x" * 80)
    with effort(at_most=5):
        assert "sk-ant" not in redact("sk-ant-api03-" * 50_000)


def test_a_secret_within_another_leaves_nothing_of_it() -> None:
    know("correct-horse")
    know("correct-horse-battery-staple")
    assert safe("correct-horse-battery-staple") == HIDDEN


@given(st.text(min_size=8, max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_of_any_letters_comes_out(secret: str, before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_known", redaction.Secrets())
        know(secret)
        assert secret not in redact(before + secret + after)
        assert secret not in safe(before + secret + after)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (
            "http://me:pa%40ss-word@host:1/v1",
            ["pa%40ss-word", "pa@ss-word", base64.b64encode(b"me:pa@ss-word").decode()],
        ),
        ("https://host/v1?api-version=2024-02-01&subscription-key=deadbeef01", ["deadbeef01"]),
    ],
)
def test_what_is_secret_in_a_url_is_hidden(url: str, secrets: list[str]) -> None:
    know_url(url)
    for secret in secrets:
        assert safe(f"<{secret}>") == f"<{HIDDEN}>"
    assert "host" in safe(url)
    assert "2024-02-01" in safe("2024-02-01")


def test_an_invalid_url_is_not_an_error() -> None:
    know_url("http://[half")


def test_every_secret_setting_is_known_once_it_is_read() -> None:
    environ = {
        "SUBNET_CONSOLE_API_KEY": "the-backend-key",
        "SUBNET_CONSOLE_ENCODER_KEY": "the-encoder-key",
        "SUBNET_CONSOLE_BACKEND_URL": "http://me:the-url-password@127.0.0.1:1/v1",
        "HTTPS_PROXY": "http://me:the-proxy-password@127.0.0.1:2",
    }
    configure({}, environ=environ)
    for secret in ("the-backend-key", "the-encoder-key", "the-url-password", "the-proxy-password"):
        assert safe(f"who said {secret}?") == f"who said {HIDDEN}?"


def test_a_wrong_setting_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError) as refused:
        configure({}, environ={"SUBNET_CONSOLE_BACKEND_URL": "ftp://me:the-url-password@host"})
    assert "the-url-password" not in safe(str(refused.value))


def test_a_secret_value_is_known_by_being_made() -> None:
    Secret("made-in-a-test")
    assert safe("made-in-a-test") == HIDDEN


def test_the_keys_of_a_wallet_are_known_once_it_is_read(tmp_path: Path) -> None:
    throwaway(tmp_path, "mine")
    for name in ("coldkey", "hotkeys/default"):
        held = json.loads((tmp_path / "mine" / name).read_text())
        for secret in (held["secretSeed"], held["privateKey"], held["secretPhrase"]):
            assert secret.removeprefix("0x") not in safe(f"in words: {secret}")
        assert held["ss58Address"] in safe(held["ss58Address"])


def test_what_was_hidden_before_stays_as_it_is() -> None:
    know(KEY)
    know("****")
    once = safe(f"the key {KEY} is wrong")
    assert once == safe(redact(once)) == f"the key {HIDDEN} is wrong"


@pytest.mark.parametrize("word", ["EMPTY", "ollama", "dummy"])
def test_a_word_in_place_of_a_key_is_not_a_secret(word: str) -> None:
    know(word)
    assert safe(f"{word} is a word") == f"{word} is a word"
