"""Foreign text loses everything that a terminal or a CI runner would act on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.render.text import (
    ago,
    ascii_only,
    chunks,
    clean,
    duration,
    fit,
    quoted,
    width_of,
    wrap,
)
from deployer.secret import MASK, Secret


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;ZXZpbA==\x07copied", "copied"),
        ("\x1bP1$tx\x1b\\device", "device"),
        ("\x9b31mred", "red"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1bcreset", "reset"),
        ("10 %\r20 %\r", "20 %"),
        ("a\tb", "a    b"),
        ("bell\x07 null\x00 del\x7f", "bell null del"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("one\ntwo\u2028three", "one two three"),
        ("##[add-mask]x", "## [add-mask]x"),
        ("\udcff", "\ufffd"),
        ("Zoë 日本", "Zoë 日本"),
    ],
)
def test_control_sequences_are_dropped(raw: str, safe: str) -> None:
    assert clean(raw) == safe


@given(st.text())
def test_nothing_that_acts_is_left(text: str) -> None:
    safe = clean(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in safe)
    assert "##[" not in safe
    assert not any(line.lstrip().startswith("::") for line in quoted([text]))


def test_secrets_are_masked_before_anything_is_cut() -> None:
    Secret("canary-0123456789-canary")
    assert fit(clean("x canary-0123456789-canary"), 12).startswith(f"x {MASK}")


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_fitting_never_exceeds_the_width(text: str, width: int) -> None:
    assert width_of(fit(clean(text), width)) <= width


def test_fitting_counts_columns_not_characters() -> None:
    assert fit("日本語日本語", 7) == "日本語…"
    assert fit("e\u0301e\u0301e\u0301", 3) == "e\u0301e\u0301e\u0301"


@given(st.text(), st.integers(min_value=2, max_value=40))
def test_chunks_lose_nothing(text: str, width: int) -> None:
    safe = clean(text)
    pieces = chunks(safe, width)
    assert "".join(pieces) == safe
    assert all(width_of(piece) <= width for piece in pieces)


def test_wrapping_breaks_at_spaces_and_keeps_long_words() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("https://long.example/path x", 5) == ["https://long.example/path", "x"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0s"), (9.94, "9.9s"), (41, "41s"), (185, "3m05s"), (7800, "2h10m")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("age", "said"),
    [(5, "just now"), (300, "5 min ago"), (7200, "2 h ago"), (864000, "10 days ago")],
)
def test_ages(age: float, said: str) -> None:
    assert ago(1000.0, 1000.0 + age) == said


def test_ascii_has_a_fallback_for_every_mark_we_use() -> None:
    assert ascii_only("✓ ✗ • … → ü") == "+ x * ... -> \\xfc"
