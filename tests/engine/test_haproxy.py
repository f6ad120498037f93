"""The edge's configuration and commands as text. No engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import ConfigError
from deployer.secret import MASK
from deployer_engine import haproxy, runtime
from deployer_engine.haproxy import EMPTY, EdgeState, Slot, placed

names = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,30}", fullmatch=True)
slots = st.builds(Slot, names, names, st.integers(1, 65535), st.integers(0, 100), st.booleans())
boards = st.lists(slots, max_size=8, unique_by=lambda slot: slot.release).map(tuple)


@given(boards, boards)
def test_what_is_written_is_read_back(first: tuple[Slot, ...], second: tuple[Slot, ...]) -> None:
    state, before = EdgeState(second), placed(first)
    read, board = haproxy.parse(haproxy.config(state, before))
    assert read.token == state.token
    assert set(read.slots) == set(second)
    assert board == placed(second, before)


@given(boards, boards)
def test_a_slot_that_stays_never_moves_and_none_is_lost(
    first: tuple[Slot, ...], second: tuple[Slot, ...]
) -> None:
    before = placed(first)
    after = placed(second, before)
    assert sorted(map(repr, filter(None, after))) == sorted(map(repr, second))
    for place, slot in enumerate(before):
        if slot in second:
            assert after[place] == slot


def test_a_place_just_left_is_not_given_to_a_newcomer() -> None:
    old, new = Slot("old", "o", 80, 100), Slot("new", "n", 80, 100)
    assert placed([new], placed([old])).index(new) == 1


def test_shares_grow_before_others_shrink() -> None:
    board = placed([Slot("old", "o", 80, 0), Slot("new", "n", 80, 100)])
    text = haproxy.commands(board, EdgeState().token, {})
    assert text.index("traffic/s1 weight 100") < text.index("traffic/s0 weight 0")


def test_a_draining_slot_keeps_its_weight_on_record_and_gets_nothing() -> None:
    state = EdgeState((Slot("a", "h", 80, 70, drain=True),))
    text = haproxy.config(state)
    assert "server s0 h:80 weight 0" in text
    assert haproxy.parse(text)[0].slots[0].weight == 70


@pytest.mark.parametrize(
    "make",
    [
        lambda: Slot("a b", "h", 80),
        lambda: Slot("a", 'h" disabled', 80),
        lambda: Slot("a\n", "h", 80),
        lambda: Slot("a", "h", 0),
        lambda: Slot("a", "h", 80, 101),
        lambda: EdgeState((Slot("a", "h", 80), Slot("a", "i", 80))),
        lambda: EdgeState(tuple(Slot(f"a{i}", "h", 80) for i in range(9))),
        lambda: haproxy.parse("global\n"),
    ],
)
def test_what_cannot_be_rendered_cannot_be_made(make: object) -> None:
    with pytest.raises(ConfigError):
        make()  # type: ignore[operator]


def test_the_token_never_prints() -> None:
    state = EdgeState()
    assert state.token.reveal() not in repr(state)
    assert MASK in repr(state)


def test_differences_are_told_in_words() -> None:
    board = placed([Slot("a", "h", 80, 5)])
    said = runtime.differences(runtime.Live({}, {}), board, EdgeState().token)
    assert "the label of s0 is out of date" in said
    assert "traffic/s0 does not exist" in said
    assert haproxy.label_map(EMPTY, EdgeState().token)["s0"] == "-"
