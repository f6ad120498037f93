"""Records: written once, read in order, and what follows from them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from deployer.errors import Conflict, PreflightError
from deployer.noun import encode
from deployer.outcome import Outcome
from deployer.releases.ledger import Ledger, chain, find, good_releases, unfinished
from deployer.releases.records import SCHEMA, Conclusion, Intent, Kind
from deployer.releases.store import MemoryStore
from tests.support.story import SCOPE, spec_of


def intent(
    id: str, previous: str | None = None, kind: Kind = "ship", release: str | None = None
) -> Intent:
    spec = spec_of(release or id)
    return Intent(
        id=id, kind=kind, release=release or id, scope=SCOPE, at=1.0, spec=spec, previous=previous
    )


def ended(id: str, outcome: Outcome = Outcome.SUCCEEDED, release: str | None = None) -> Conclusion:
    return Conclusion(id=id, release=release or id, outcome=outcome, at=2.0)


def told(*records: Intent | Conclusion) -> Ledger:
    ledger = Ledger(MemoryStore())
    for record in records:
        ledger.append(record)
    return ledger


def test_history_pairs_what_was_meant_with_how_it_ended_oldest_first() -> None:
    history = told(intent("r2", "r1"), ended("r1"), intent("r1")).history()
    assert [(e.intent.id, e.conclusion is not None) for e in history] == [
        ("r1", True),
        ("r2", False),
    ]


def test_writing_the_same_again_is_harmless() -> None:
    ledger = told(intent("r1"))
    ledger.append(intent("r1"))
    assert len(ledger.history()) == 1


def test_a_record_is_never_written_over() -> None:
    ledger = told(ended("r1"))
    with pytest.raises(Conflict, match="says something else"):
        ledger.append(ended("r1", Outcome.FAILED_ROLLED_BACK))


def test_only_what_was_verified_live_is_good() -> None:
    ledger = told(
        *(record for i, outcome in enumerate(Outcome) for record in (
            intent(f"r{i}"), ended(f"r{i}", outcome)
        ))
    )  # fmt: skip
    assert good_releases(ledger.history()) == {f"r{list(Outcome).index(Outcome.SUCCEEDED)}"}


def test_the_chain_follows_what_each_release_replaced() -> None:
    history = told(
        intent("r1"), ended("r1"), intent("r2", "r1"), ended("r2"), intent("r3", "r1"), ended("r3")
    ).history()
    assert chain(history) == (("r1", None), ("r2", "r1"), ("r3", "r1"))


@pytest.mark.parametrize("outcome", [None, Outcome.UNKNOWN, Outcome.FAILED_ROLLBACK_FAILED])
def test_the_chain_leads_past_what_was_never_good(outcome: Outcome | None) -> None:
    bad = [ended("r2", outcome)] if outcome else []
    history = told(
        intent("r1"), ended("r1"), intent("r2", "r1"), *bad, intent("r3", "r2"), ended("r3")
    ).history()
    assert dict(chain(history)) == {"r1": None, "r2": "r1", "r3": "r1"}


def test_a_rollback_is_no_link_of_the_chain() -> None:
    history = told(
        intent("r1"), ended("r1"), intent("r2", "r1"), ended("r2"),
        intent("r3", "r2", kind="rollback", release="r1"), ended("r3", release="r1"),
    ).history()  # fmt: skip
    assert dict(chain(history)) == {"r1": None, "r2": "r1"}


def test_only_the_latest_deployment_can_be_unfinished() -> None:
    ledger = told(intent("r1"), intent("r2"))
    found = unfinished(ledger.history(), "ship")
    assert found is not None
    assert found.id == "r2"
    assert unfinished(ledger.history(), "rollback") is None
    ledger.append(ended("r2"))
    assert unfinished(ledger.history(), "ship") is None
    assert unfinished((), "ship") is None


def test_a_release_is_found_by_its_ship() -> None:
    ledger = told(intent("r1"), ended("r1"), intent("r2", kind="rollback", release="r1"))
    assert find(ledger.history(), "r1").kind == "ship"
    with pytest.raises(PreflightError, match="no release r9") as raised:
        find(ledger.history(), "r9")
    assert "r1" in str(raised.value.why)


def test_records_of_a_newer_deployer_are_refused_not_guessed() -> None:
    ledger = told(intent("r1"))
    newer = encode(replace(intent("r2"), schema=SCHEMA + 1))[:-1] + b',"later":1}'
    ledger.store.create("records/r2-intent.json", newer)
    with pytest.raises(PreflightError, match="newer deployer") as raised:
        ledger.history()
    assert "pip install -U" in str(raised.value.fix)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b'{"type":"intent"}', b"<html>"])
def test_a_broken_record_is_named_at_once(data: bytes) -> None:
    ledger = told(intent("r1"))
    ledger.store.create("records/r2-intent.json", data)
    with pytest.raises(PreflightError) as raised:
        ledger.history()
    assert raised.value.where == "records/r2-intent.json"
    assert raised.value.exit_code == 3


def test_no_value_of_a_secret_is_in_a_record() -> None:
    from deployer.model import SecretRef
    from deployer.secret import Secret

    spec = replace(spec_of("one"), secrets={"KEY": SecretRef(ref="key", fingerprint="f1")})
    data = encode(replace(intent("r1"), spec=spec))
    assert b'"ref":"key"' in data
    with pytest.raises(TypeError, match="cannot encode Secret"):
        encode({"value": Secret("open-sesame")})
