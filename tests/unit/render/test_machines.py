"""JSON documents, streams of events, and the output edge."""

from __future__ import annotations

import io
import json

import pytest

from deployer.events import Event, Failed, Output, Planned, Report, Said, Started
from deployer.noun import decode
from deployer.render.json_ import deployed, document, dump, event_line
from deployer.render.out import Out
from deployer.secret import MASK, Secret
from tests.unit.render.made import BACK, CHANGE, CRASH, CREATE, GOOD, SCOPE, UTF8, Screen, Terminal


def test_one_document_has_a_version_and_every_field() -> None:
    found = json.loads(dump(deployed("ship", [GOOD], 0)))
    assert {key: found[key] for key in ("schema_version", "command", "outcome", "exit_code")} == {
        "schema_version": 1,
        "command": "ship",
        "outcome": "succeeded",
        "exit_code": 0,
    }
    assert found["partial"] is False
    assert found["error"] is None
    assert set(Report.__struct_fields__) <= set(found["targets"][0])


def test_different_ends_are_partial_and_the_worst_one_counts() -> None:
    found = deployed("ship", [GOOD, BACK], 5)
    assert (found["partial"], found["outcome"]) == (True, "failed_rolled_back")


@pytest.mark.parametrize(
    "event",
    [
        Said(text="hello"),
        Planned(plan=CHANGE),
        Started(scope=SCOPE, action=CREATE),
        Output(scope=SCOPE, line="\x1b[31m::error::\u2028\n"),
        Failed(scope=SCOPE, problem=CRASH),
        GOOD,
    ],
)
def test_a_streamed_event_is_one_line_and_decodes_to_itself(event: Event) -> None:
    line = event_line(event)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    assert decode(line, Event) == event  # type: ignore[arg-type]  # a union is no type to mypy


def test_masking_never_breaks_a_document() -> None:
    Secret("outcome")
    Secret('quo"te-secret')
    found = json.loads(dump(document("ship", "x", 0, text='the outcome: quo"te-secret')))
    assert found["text"] == f"the {MASK}: {MASK}"
    assert "outcome" in found


def test_a_document_is_no_workflow_command() -> None:
    text = dump({"line": "##[add-mask]x"})
    assert "##[" not in text
    assert json.loads(text)["line"] == "##[add-mask]x"


def test_the_edge_masks_and_outlives_its_reader() -> None:
    Secret("canary-edge-value")
    out = Screen()
    out.line("token canary-edge-value")
    assert out.text == f"token {MASK}\n"
    gone = io.StringIO()
    gone.close()
    edge = Out(gone, UTF8)
    edge.line("nobody reads this")
    assert edge.closed
    Out(None, UTF8).line("nor this")


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({}, False),
    ],
)
def test_colour_follows_the_conventions(env: dict[str, str], wanted: bool) -> None:
    assert Out(Terminal(), env).colour is wanted


def test_a_pipe_has_no_colour_unless_forced() -> None:
    assert not Out(io.StringIO(), {"TERM": "xterm"}).colour
    assert Out(io.StringIO(), {"FORCE_COLOR": "1"}).colour
    assert Out(io.StringIO(), {}, "always").colour
    assert not Out(Terminal(), {"TERM": "xterm", "FORCE_COLOR": "1"}, "never").colour


@pytest.mark.parametrize(
    ("env", "ascii_only"),
    [
        ({"LC_ALL": "C"}, True),
        ({"LANG": "POSIX"}, True),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "C"}, False),
        ({}, False),
    ],
)
def test_c_locales_get_ascii(env: dict[str, str], ascii_only: bool) -> None:
    assert Out(io.StringIO(), env).ascii is ascii_only
