"""On a real terminal: the live tree, and questions that are answered by typing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from tests.cli.conftest import IMAGE, Shop
from tests.support.command import START


class Session:
    """One command on a terminal of its own."""

    def __init__(self, shop: Shop, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.screen = ""
        self._ours, theirs = pty.openpty()
        terminal = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            cwd=shop.folder,
            env=shop.cli.environment() | shop.env(terminal),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def until(self, words: str) -> None:
        """Read until the screen has `words`."""
        end = time.monotonic() + 30
        while words not in self.screen:
            assert time.monotonic() < end, self.screen
            if not self._read():
                break
        assert words in self.screen, self.screen

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        """Read to the end. Gives the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(timeout=30)

    def _read(self) -> bool:
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # what Linux says when the other side is closed
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)


def test_a_terminal_gets_a_tree_and_one_line_of_result(shop: Shop) -> None:
    shop.paced(2)
    session = Session(shop, "ship")
    assert session.ended() == 0
    assert "\x1b[J" in session.screen
    assert "✓" in session.screen
    assert session.screen.count("is serving") == 1


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": "dumb", "NO_COLOR": "1"}], ids=str)
def test_a_dumb_terminal_gets_lines(shop: Shop, env: dict[str, str]) -> None:
    session = Session(shop, "ship", env=env)
    assert session.ended() == 0
    assert "\x1b" not in session.screen
    assert "done in" in session.screen


def test_no_colour_keeps_the_tree(shop: Shop) -> None:
    shop.paced(2)
    session = Session(shop, "ship", env={"NO_COLOR": "1"})
    assert session.ended() == 0
    assert "\x1b[J" in session.screen
    assert "\x1b[32m" not in session.screen


def test_a_protected_environment_is_confirmed_by_its_name(shop: Shop) -> None:
    shop.production()
    session = Session(shop, "ship", "-e", "production")
    session.until("Type production to go on: ")
    session.type("production\r")
    assert session.ended() == 0


@pytest.mark.parametrize("answer", ["yes\r", "\r", "\x04"])
def test_any_other_answer_changes_nothing(shop: Shop, answer: str) -> None:
    shop("ship")
    before = shop.live()
    session = Session(shop, "destroy")
    session.until("Type default to go on: ")
    session.type(answer)
    assert session.ended() == 2
    assert "not confirmed, so nothing was changed" in session.screen
    assert shop.live() == before


def test_ctrl_c_at_the_question_changes_nothing(shop: Shop) -> None:
    session = Session(shop, "destroy")
    session.until("Type default to go on: ")
    session.process.send_signal(2)
    assert session.ended() == 130
    assert "nothing was changed" in session.screen


def test_no_input_asks_nothing(shop: Shop) -> None:
    session = Session(shop, "destroy", "--no-input")
    assert session.ended() == 2
    assert "Type default" not in session.screen


def test_ctrl_c_during_a_tree_leaves_a_readable_screen(shop: Shop) -> None:
    shop.paced(20)
    session = Session(shop, "ship", "--image", f"{IMAGE}:two")
    session.until("prepare the place")
    session.process.send_signal(2)
    assert session.ended() == 130
    assert "stopping (Ctrl-C): no new change begins" in session.screen
    assert "in flight: default/here/api: prepare the place" in session.screen
