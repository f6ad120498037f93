"""The history of one scope: append-only records over a store."""

from __future__ import annotations

import msgspec

from deployer.errors import Conflict, PreflightError
from deployer.noun import decode, encode
from deployer.releases.records import SCHEMA, Conclusion, Entry, Intent, Kind, Record
from deployer.releases.store import Store

FOLDER = "records"


class _Versioned(msgspec.Struct):
    schema: int = 1


class Ledger:
    """Reads and appends the records of one scope, whose store it is given."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def append(self, record: Record) -> None:
        """Write `record` once; writing the same again is harmless.

        Raises Conflict if another record stands there, Transient if the store fails.
        """
        kind = "intent" if isinstance(record, Intent) else "conclusion"
        key, data = f"{FOLDER}/{record.id}-{kind}.json", encode(record)
        if not self.store.create(key, data) and self.store.read_many([key]).get(key) != data:
            raise Conflict(
                f"a record of {record.id} is there already and says something else",
                where=key,
                fix="deployer releases shows it; run the command again for a new release",
            )

    def history(self) -> tuple[Entry, ...]:
        """Every deployment, oldest first."""
        contents = self.store.read_folder(FOLDER)
        records = [_parse(key, contents[key]) for key in sorted(contents)]
        ended = {r.id: r for r in records if isinstance(r, Conclusion)}
        intents = (r for r in records if isinstance(r, Intent))
        return tuple(Entry(intent=i, conclusion=ended.get(i.id)) for i in intents)


def good_releases(history: tuple[Entry, ...]) -> frozenset[str]:
    """The releases that were verified live at least once."""
    return frozenset(e.intent.release for e in history if e.succeeded)


def chain(history: tuple[Entry, ...]) -> tuple[tuple[str, str | None], ...]:
    """(release, the last good release before it) for each ship, oldest first.

    What a release replaced may itself have been bad or unfinished; then what that one replaced
    counts. Bad ones are in it too: one may serve, and has to be rolled back from.
    """
    good, before = good_releases(history), dict[str, str | None]()
    for intent in (e.intent for e in history if e.intent.kind == "ship"):
        last = intent.previous
        before[intent.release] = last if last is None or last in good else before.get(last)
    return tuple(before.items())


def unfinished(history: tuple[Entry, ...], kind: Kind) -> Intent | None:
    """The latest deployment, if it is of this kind and has no conclusion."""
    if not history or history[-1].conclusion:
        return None
    intent = history[-1].intent
    return intent if intent.kind == kind else None


def find(history: tuple[Entry, ...], release: str) -> Intent:
    """The ship that made `release`. Raises PreflightError for one that is not recorded."""
    for entry in reversed(history):
        if entry.intent.kind == "ship" and entry.intent.release == release:
            return entry.intent
    known = [e.intent.release for e in history if e.intent.kind == "ship"][-5:]
    raise PreflightError(
        f"there is no release {release}",
        why=f"the latest recorded: {', '.join(known)}" if known else "no release is recorded",
        fix="deployer releases lists them",
    )


def _parse(key: str, data: bytes) -> Record:
    try:
        if decode(data, _Versioned).schema > SCHEMA:
            raise PreflightError(
                "the records were written by a newer deployer",
                where=key,
                fix="upgrade: pip install -U deployer-cli",
            )
        return decode(data, Record)  # type: ignore[arg-type]  # a union is no type to mypy
    except msgspec.MsgspecError as error:
        raise PreflightError(
            "a release record cannot be read",
            where=key,
            why=str(error),
            fix="delete this one record: what serves is known without it",
        ) from error
