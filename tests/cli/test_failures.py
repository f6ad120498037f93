"""Bad input and bad places: the right code, a sentence, no traceback, JSON where asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shop

VERBS = (
    ("check",),
    ("plan",),
    ("ship",),
    ("status",),
    ("releases",),
    ("rollback",),
    ("logs",),
    ("doctor",),
    ("lock", "status"),
    ("lock", "take", "-m", "x"),
    ("lock", "release"),
    ("destroy", "--yes"),
)
ALONE = (("schema",), ("completion", "bash"), ("version",), ("init", "--force"))


@pytest.mark.parametrize("verb", [*VERBS, *ALONE], ids=" ".join)
def test_json_is_one_document_on_success(shop: Shop, verb: tuple[str, ...]) -> None:
    shop("ship")
    result = shop(*verb, "--json")
    named = [word for word in verb[:2] if not word.startswith("-")]
    assert result.json["schema_version"] == 1
    assert result.json["command"] == " ".join(named if verb[0] == "lock" else named[:1])
    assert result.json["exit_code"] == result.code


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_json_is_one_document_without_a_file(shop: Shop, verb: tuple[str, ...]) -> None:
    shop.path.unlink()
    result = shop(*verb, "--json")
    assert result.code == result.json["exit_code"] == (3 if verb == ("doctor",) else 2)
    assert result.json["outcome"] == "error"
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("shp",), "did you mean ship?"),
        (("ship", "--imgae", "x"), "No such option"),
        (("ship", "--events", "xml"), "xml"),
        (("completion", "tcsh"), "tcsh"),
        (("lock",), "deployer lock --help"),
        (("lock", "take"), "--reason"),
        (("status", "surplus"), "surplus"),
        (("ship", "--timeout", "soon"), "--timeout"),
        (("ship", "-t", "nowhere"), "nowhere"),
        (("ship", "-e", "nowhere"), "nowhere"),
        (("ship", "-c", "missing.yaml"), "missing.yaml"),
        (("ship", "--plan", "missing.json"), "missing.json"),
        (("logs", "--since", "yesterday"), "--since"),
        (("init", "missing/folder"), "missing/folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors_end_with_2_and_a_way_on(
    shop: Shop, arguments: tuple[str, ...], said: str
) -> None:
    plain = shop(*arguments)
    assert plain.code == 2
    assert plain.out == ""
    assert plain.err.lstrip().startswith("error: ")
    assert said in plain.err
    assert "  fix    " in plain.err
    document = shop(*arguments, "--json")
    assert document.json["exit_code"] == 2
    assert said in json.dumps(document.json)


def test_every_mistake_in_the_file_is_told_at_once(shop: Shop) -> None:
    shop.path.write_text("app: shop\nservice: api\nprot: 80\nscael: {min: 2}\n")
    wrong = shop("check")
    assert wrong.code == 2
    assert "deployer.yaml:3:1" in wrong.err
    assert "deployer.yaml:4:1" in wrong.err
    assert "did you mean" in wrong.err
    assert len(shop("ship", "--json").json["error"]["problems"]) >= 2


def test_events_are_streamed_and_end_with_the_result(shop: Shop) -> None:
    result = shop("ship", "--events", "ndjson")
    events = [json.loads(line) for line in result.out.splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[-2:] == ["report", "end"]
    assert {"planned", "started", "finished"} <= set(kinds)
    assert events[-1]["exit_code"] == 0
    assert json.loads(shop("shp", "--events", "ndjson").out)["type"] == "end"


@pytest.mark.parametrize(
    "env",
    [
        {"HOME": ""},
        {"HOME": "/nonexistent/home"},
        {"LC_ALL": "C"},
        {"LANG": "POSIX", "LC_ALL": ""},
        {"TERM": "dumb"},
        {"TERM": ""},
        {"COLUMNS": "1"},
        {"PYTHONIOENCODING": "latin-1"},
        {"DEPLOYER_CONFIG": "", "DEPLOYER_TARGET": "", "DEPLOYER_ENVIRONMENT": ""},
    ],
    ids=str,
)
def test_odd_surroundings_change_nothing(shop: Shop, env: dict[str, str]) -> None:
    result = shop("ship", env=env)
    assert result.code == 0, result.err
    assert "succeeded" in result.out
    if "C" in env.values() or "POSIX" in env.values():
        assert (result.out + result.err).isascii()
    assert shop("logs", env=env).code == 0


def test_no_colour_without_a_terminal_unless_forced(shop: Shop) -> None:
    shop("ship")
    plain = shop.ship("crash")
    assert "\x1b" not in plain.out + plain.err
    assert "\x1b[31m" in shop("rollback", "rnope", "--color", "always").err
    assert "\x1b[31m" in shop("rollback", "rnope", env={"FORCE_COLOR": "1"}).err
    both = {"FORCE_COLOR": "1", "NO_COLOR": "1"}
    assert "\x1b" not in shop("rollback", "rnope", env=both).err


def test_debug_writes_the_traceback_to_a_file_and_says_where(shop: Shop) -> None:
    failed = shop("ship", "-t", "nowhere", "--debug")
    (path,) = shop.folder.glob("deployer-debug-*.txt")
    assert path.name in failed.err
    assert "Traceback" in path.read_text()
    assert "Traceback" not in failed.err
    assert path.stat().st_mode & 0o077 == 0


def test_an_unexpected_error_is_a_sentence_and_code_1(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "deployer_memory.py").write_text("raise RuntimeError('surprise')\n")
    path = shop.env()["PYTHONPATH"]
    broken = shop("ship", "--json", env={"PYTHONPATH": f"{tmp_path}:{path}"})
    assert broken.code == broken.json["exit_code"] == 1
    assert broken.json["error"]["code"] == "bug"
    assert "surprise" in broken.err
    assert "--debug" in broken.err
    assert "Traceback" not in broken.err
