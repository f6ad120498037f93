"""Secret values print as a mask, and are masked wherever they turn up."""

from __future__ import annotations

import base64
import json
import pickle
import threading
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import secret
from deployer.secret import MASK, Secret, redact, register

VALUE = 's3cr3t/päss "word" \\ & more'
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\nkiG9w0BAQEFAASC\n-----END KEY-----\n"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "_known", ())


def coded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


@pytest.mark.parametrize(
    "said",
    [
        VALUE,
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        json.dumps(VALUE),
        json.dumps({"dsn": f"postgres://app:{VALUE}@db"}, ensure_ascii=False),
        coded(VALUE),
        coded(VALUE).rstrip("="),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
    ],
    ids=["plain", "url", "query", "form", "json", "in json", "base64", "unpadded", "urlsafe"],
)
def test_a_value_is_masked_in_every_form(said: str) -> None:
    register(VALUE)
    told = redact(f"connecting with {said}!")
    assert MASK in told
    assert said not in told
    assert told.endswith(("!", '"}!'))


@pytest.mark.parametrize("user", ["a", "ab", "abc", "abcd"])
def test_a_password_is_masked_inside_a_basic_header(user: str) -> None:
    register("correct-horse-battery")
    told = redact(f"Authorization: Basic {coded(f'{user}:correct-horse-battery')}")
    assert MASK in told
    for i in range(24):
        assert coded("correct-horse-battery"[i % 3 : i % 3 + 12]) not in told


def test_each_line_of_a_value_is_masked_alone() -> None:
    register(KEY)
    assert redact("  MIIEvQIBADANBgkqh  ") == f"  {MASK}  "
    assert "kiG9w0" not in redact(KEY) + redact(json.dumps(KEY)) + redact(
        KEY.replace("\n", "\r\n")
    )


@pytest.mark.parametrize("value", [KEY, KEY.strip(), "pässwörd\n"])
def test_the_whole_of_several_lines_is_masked_in_base64(value: str) -> None:
    register(value)
    assert redact(coded(value)) == MASK


@pytest.mark.parametrize("value", ["", "a", "test", "  a  ", "\n\n\n\n\n\n"])
def test_short_values_hide_no_ordinary_words(value: str) -> None:
    register(value)
    text = f"a test of the rest, {value} and {coded(value)}"
    assert redact(text) == text


def test_the_longer_of_two_values_is_masked_whole() -> None:
    register("hunter2")
    register("hunter2-extended")
    assert redact("x hunter2-extended y") == f"x {MASK} y"


def test_a_secret_shows_itself_nowhere() -> None:
    held = Secret("open-sesame")
    told = f"{held} {held!r} {held!s} {[held]} {held:>20}" + str({"k": held}) + "%s" % held  # noqa: UP031
    assert "sesame" not in told
    assert held.reveal() == "open-sesame"
    assert held == Secret("open-sesame")
    assert held != "open-sesame"
    with pytest.raises(TypeError):
        pickle.dumps(held)


def test_making_a_secret_is_enough_to_mask_its_value() -> None:
    Secret("open-sesame")
    assert redact("open-sesame") == MASK


def test_a_thread_may_register_while_another_masks() -> None:
    register("first-value")
    wrong: list[str] = []

    def mask() -> None:
        for _ in range(300):
            try:
                wrong.extend(["leaked"] if "first-value" in redact("a first-value") else [])
            except RuntimeError as error:
                wrong.append(str(error))

    reading = threading.Thread(target=mask)
    reading.start()
    for i in range(300):
        register(f"value-number-{i}")
    reading.join()
    assert wrong == []


values = st.text(
    st.characters(exclude_characters=MASK, exclude_categories=["Cs"]), min_size=5
).filter(lambda value: len(value.strip()) >= 5)


@given(st.lists(values, min_size=1, max_size=4), st.text(), st.text())
def test_no_output_contains_a_registered_value(known: list[str], before: str, after: str) -> None:
    secret._known = ()
    for value in known:
        register(value)
    said = before + after.join(known) + after
    for form in (said, json.dumps(said), quote(said), "\n".join(coded(v) for v in known)):
        told = redact(form)
        for value in known:
            assert value not in told
            assert value.strip() not in told
