"""Progress in lines and as a tree, from hand-made events and a clock that is set."""

from __future__ import annotations

from deployer.events import (
    Building,
    Built,
    Event,
    Failed,
    Finished,
    Output,
    Planned,
    Report,
    Said,
    Started,
    Waiting,
)
from deployer.model import RegistryImage
from deployer.outcome import Outcome
from deployer.render.lines import Lines
from deployer.render.out import Colour
from deployer.render.text import width_of
from deployer.render.tree import Tree
from tests.unit.render.made import (
    BACK,
    CANDIDATE,
    CHANGE,
    CRASH,
    CREATE,
    DIGEST,
    GOOD,
    SCOPE,
    SHIFT,
    Clock,
    Screen,
    scope,
)

IMAGE = RegistryImage(repository="r.example/shop", digest=DIGEST)


def test_lines_tell_every_change_with_its_time() -> None:
    clock, out = Clock(), Screen()
    view = Lines(out, clock)
    view.show(Building(service="api", line="\x1b[1m#7 RUN pip install\x1b[0m"))
    clock.at = 12.0
    view.show(Built(service="api", image=IMAGE, seconds=12))
    view.show(Planned(plan=CHANGE))
    view.show(Started(scope=SCOPE, action=CREATE))
    view.show(Waiting(scope=SCOPE, action=CREATE, detail="starting"))
    view.show(Output(scope=SCOPE, line="::add-mask::x"))
    clock.at = 14.5
    view.show(Finished(scope=SCOPE, action=CREATE, seconds=2.5))
    view.show(Said(text="the disk is almost full", level="warning", scope=SCOPE))
    view.show(GOOD)
    assert out.text.splitlines() == [
        "[  0.0s] api: | #7 RUN pip install",
        "[   12s] api: image 9f3c1a2b4d5e is built, in 12s",
        "[   12s] prod/gcp/api: plan: r2 replaces r1",
        "[   12s] prod/gcp/api:   ~ image: r.example/shop@sha256:418fc3488059 "
        "-> r.example/shop@sha256:9f3c1a2b4d5e",
        "[   12s] prod/gcp/api:   + env.DEBUG: 1",
        "[   12s] prod/gcp/api: start r2 (no traffic yet)",
        "[   12s] prod/gcp/api:   starting",
        "[   12s] prod/gcp/api: | ::add-mask::x",
        "[   14s] prod/gcp/api: done in 2.5s: start r2 (no traffic yet)",
        "[   14s] prod/gcp/api: warning: the disk is almost full",
        "[   14s] prod/gcp/api: succeeded, in 41s",
    ]


def test_lines_give_a_sign_of_life_within_fifteen_seconds() -> None:
    clock, out = Clock(), Screen()
    view = Lines(out, clock)
    view.show(Started(scope=SCOPE, action=CANDIDATE))
    view.show(Waiting(scope=SCOPE, action=CANDIDATE, detail="0 of 1 healthy"))
    quiet = last = 0.0
    for second in range(1, 61):
        before, clock.at = len(out.text), float(second)
        view.tick()
        if len(out.text) > before:
            quiet, last = max(quiet, clock.at - last), clock.at
    assert 0 < quiet <= 15
    assert "[   14s] prod/gcp/api: still waiting (14s): " in out.text
    assert "prove r2 before it gets traffic: 0 of 1 healthy" in out.text


def test_a_tree_draws_over_itself_and_leaves_the_result() -> None:
    clock, out = Clock(), Screen(columns=80)
    view = Tree(out, clock)
    view.show(Planned(plan=CHANGE))
    events: tuple[Event, ...] = (
        Started(scope=SCOPE, action=CREATE),
        Finished(scope=SCOPE, action=CREATE, seconds=2.0),
        Started(scope=SCOPE, action=CANDIDATE),
    )
    for second, event in enumerate(events, 1):
        clock.at = float(second)
        view.show(event)
    assert out.seen()[-4:] == [
        "prod/gcp/api",
        "  ✓ start r2 (no traffic yet)  2.0s",
        "  • prove r2 before it gets traffic  0.0s",
        "",
    ]
    view.show(Failed(scope=SCOPE, problem=CRASH))
    view.show(BACK)
    view.stop()
    assert out.seen()[-4:] == [
        "✗ prod/gcp/api: failed_rolled_back",
        "  ✓ start r2 (no traffic yet)  2.0s",
        "  ✗ prove r2 before it gets traffic",
        "",
    ]


def test_a_tree_shows_that_it_lives_while_nothing_has_a_name() -> None:
    clock, out = Clock(), Screen(columns=80)
    view = Tree(out, clock)
    view.show(Planned(plan=CHANGE))
    clock.at = 12.0
    view.tick()
    assert out.seen()[-2] == "• working  12s"
    clock.at = 12.5
    view.show(Started(scope=SCOPE, action=CREATE))
    assert "working" not in "".join(out.seen())


def test_a_tree_draws_at_most_ten_times_a_second() -> None:
    clock, out = Clock(), Screen(columns=80)
    view = Tree(out, clock)
    for number in range(1000):
        clock.at = number / 1000
        view.show(Building(service="api", line=f"line {number}"))
    assert out.text.count("build the image") <= 11


def test_a_tree_stays_within_a_small_screen() -> None:
    clock, out = Clock(), Screen(columns=20, lines=8)
    view = Tree(out, clock)
    for number in range(50):
        clock.at += 1
        view.show(Started(scope=scope(f"target-{number}"), action=SHIFT))
    last = out.text.rpartition("\x1b[J")[2].splitlines()
    assert len(last) <= 6
    assert last[-1] == "  and 45 more"
    assert all(width_of(line) < 20 for line in last)


def test_a_narrower_window_is_erased_row_by_row() -> None:
    clock, out = Clock(), Screen(columns=80)
    view = Tree(out, clock)
    view.show(Started(scope=SCOPE, action=CANDIDATE))  # 12 and 41 columns wide
    out.columns, clock.at = 20, 1.0
    view.tick()
    assert "\x1b[4A" in out.text


def test_a_tree_in_ascii_has_words_and_marks_of_ascii() -> None:
    clock, out = Clock(), Screen(columns=30, env={"TERM": "xterm", "LC_ALL": "C"})
    view = Tree(out, clock)
    view.show(Started(scope=SCOPE, action=CANDIDATE))
    assert out.text.isascii()
    assert all(len(line) < 30 for line in out.text.splitlines())


def test_colour_never_carries_meaning_alone() -> None:
    shown = []
    choices: tuple[Colour, ...] = ("always", "never")
    for colour in choices:
        out = Screen(columns=80, colour=colour)
        view = Tree(out, Clock())
        view.show(Report(scope=SCOPE, outcome=Outcome.SUCCEEDED, exit_code=0))
        shown.append(out.text)
    assert shown[0] != shown[1]
    assert shown[0].replace("\x1b[32m", "").replace("\x1b[0m", "") == shown[1]
