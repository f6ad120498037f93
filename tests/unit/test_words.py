"""Small words: durations, sizes, ids, outcomes, and adapters by their names."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.adapters import GROUP, connect
from deployer.errors import ConfigError
from deployer.outcome import GOOD, Outcome, exit_code, most_severe
from deployer.quantity import Bytes, Seconds
from deployer.releases.ids import made_at, new_id
from deployer.testing.memory import Memory


@pytest.mark.parametrize(
    ("text", "seconds", "said"),
    [
        ("0s", 0, "0s"),
        ("250ms", 0.25, "250ms"),
        ("1.5s", 1.5, "1.5s"),
        ("90s", 90, "1m30s"),
        ("1h30m", 5400, "1h30m"),
        ("2d", 172800, "48h"),
        ("1.5m", 90, "1m30s"),
    ],
)
def test_durations_are_read_and_said(text: str, seconds: float, said: str) -> None:
    assert Seconds.parse(text) == seconds
    assert str(Seconds.parse(text)) == said


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1 s", "10m\n", "1y", "1e3s", ".5s"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 30s, 10m or 1h30m"):
        Seconds.parse(text)


@given(st.one_of(st.integers(0, 10**7).map(float), st.integers(0, 59_999).map(lambda n: n / 1000)))
def test_a_duration_survives_being_said(seconds: float) -> None:
    assert Seconds.parse(str(Seconds(seconds))) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size", "said"),
    [
        ("512Mi", 2**29, "512Mi"),
        ("1Gi", 2**30, "1Gi"),
        ("1024Mi", 2**30, "1Gi"),
        ("1.5Gi", 3 * 2**29, "1536Mi"),
        ("500M", 500_000_000, "500M"),
        ("4.35M", 4_350_000, "4350K"),
    ],
)
def test_sizes_are_read_and_said(text: str, size: int, said: str) -> None:
    assert Bytes.parse(text) == size
    assert str(Bytes.parse(text)) == said


@pytest.mark.parametrize("text", ["", "512", "512MB", "-1Gi", "1Gi\n", "1 Gi", "Mi"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write 512Mi or 1Gi"):
        Bytes.parse(text)


@given(st.integers(1, 10**6), st.sampled_from(["Ki", "Mi", "Gi", "K", "M", "G"]))
def test_a_size_survives_being_said(number: int, unit: str) -> None:
    size = Bytes.parse(f"{number}{unit}")
    assert Bytes.parse(str(size)) == size


times = st.floats(0, 4e9)


@given(times)
def test_an_id_is_a_dns_label_of_twelve_characters(now: float) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]{11}", new_id(now))
    assert made_at(new_id(now)) == pytest.approx(now, abs=0.011)


@given(st.lists(times, min_size=2, max_size=20))
def test_ids_rise_even_if_the_clock_goes_back(clock: list[float]) -> None:
    ids = [new_id(clock[0])]
    for now in clock[1:]:
        ids.append(new_id(now, after=ids[-1]))
    assert all(a < b for a, b in pairwise(ids))


@given(times, st.floats(0.02, 1e6))
def test_ids_sort_by_time(now: float, later: float) -> None:
    assert new_id(now) < new_id(now + later)


def test_two_ids_of_the_same_moment_differ() -> None:
    assert len({new_id(1e9) for _ in range(50)}) > 45


@pytest.mark.parametrize(
    ("outcome", "cause", "code"),
    [
        (Outcome.SUCCEEDED, None, 0),
        (Outcome.UNCHANGED, None, 0),
        (Outcome.FAILED_NOTHING_CHANGED, 8, 8),
        (Outcome.FAILED_NOTHING_CHANGED, None, 3),
        (Outcome.FAILED_ROLLED_BACK, 3, 5),
        (Outcome.FAILED_ROLLBACK_FAILED, 3, 6),
        (Outcome.SUPERSEDED, 7, 7),
        (Outcome.UNKNOWN, 75, 75),
        (Outcome.UNKNOWN, 130, 130),
        (Outcome.UNKNOWN, 3, 6),
        (Outcome.UNKNOWN, None, 6),
    ],
)
def test_the_exit_code_says_how_it_ended(outcome: Outcome, cause: int | None, code: int) -> None:
    assert exit_code(outcome, cause) == code


def test_only_what_serves_ends_with_0() -> None:
    for outcome in Outcome:
        assert (exit_code(outcome) == 0) == (outcome in GOOD)


def test_of_several_targets_the_most_severe_code_wins() -> None:
    order = (1, 143, 130, 6, 5, 9, 7, 8, 3, 75, 0)
    for worse, better in pairwise(order):
        assert most_severe([better, worse, 0]) == worse
        assert most_severe([worse, better]) == worse
    assert most_severe([]) == 0
    assert most_severe([0, 99]) == 99


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry points that pyproject.toml declares, whether it is installed or not."""
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    told = tomllib.loads(text)["project"]["entry-points"][GROUP]
    points = metadata.EntryPoints(
        metadata.EntryPoint(name, value, GROUP) for name, value in told.items()
    )
    monkeypatch.setattr(metadata, "entry_points", lambda group: points.select(group=group))


@pytest.mark.usefixtures("installed")
def test_an_adapter_is_found_by_its_name(tmp_path: Path) -> None:
    found = connect("memory", {"world": str(tmp_path / "world.json"), "polls": 3})
    assert isinstance(found, Memory)


@pytest.mark.usefixtures("installed")
def test_a_misspelt_adapter_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="provider dokcer is not ready") as raised:
        connect("dokcer", {})
    assert raised.value.fix == "did you mean docker?"
    assert "memory" in str(raised.value.why)


def test_a_missing_sdk_is_answered_by_the_install_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "deployer_paper.py"
    package.write_text("import paper_sdk_that_nobody_has\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="needs paper_sdk_that_nobody_has") as raised:
        connect("paper", {})
    assert raised.value.fix == "pip install 'deployer-cli[paper]'"
    assert "deployer_paper" not in sys.modules
