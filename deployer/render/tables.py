"""Tables: aligned with a heading on a terminal, tab-separated without one for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from deployer.model import Observed, short
from deployer.releases.lease import Held
from deployer.releases.records import Entry
from deployer.render.out import Out
from deployer.render.text import ago, clean, fit, width_of

Row = tuple[str, ...]


def table(heading: Row, rows: Sequence[Row], out: Out) -> list[str]:
    """`rows` under `heading`; piped: without heading, each field whole."""
    safe = [tuple(clean(field) or "-" for field in row) for row in rows]
    if not out.tty:
        return ["\t".join(row) for row in safe]
    widths = [max(map(width_of, column)) for column in zip(heading, *safe, strict=True)]
    lines = [_aligned(row, widths) for row in (heading, *safe)]
    cut = [fit(line, out.width - 1, "~" if out.ascii else "…") for line in lines]
    return [out.paint(cut[0], "dim"), *cut[1:]]


SERVING = ("TARGET", "RELEASE", "IMAGE", "STATE", "TRAFFIC", "SINCE", "URL")


def serving_rows(where: str, seen: Observed | None, now: float, iso: bool) -> list[Row]:
    """One row for each revision with traffic. `iso`: times for programs."""
    if seen is None:
        return [(where, "?", "", "not known", "", "", "")]
    live = [revision for revision in seen.revisions if revision.weight]
    if not live:
        return [(where, "", "", "nothing serves", "0 %", "", seen.url or "")]
    return [
        (
            where,
            revision.release,
            short(revision.image.digest),
            str(revision.state),
            f"{revision.weight} %",
            moment(revision.created, now, iso),
            seen.url or "",
        )
        for revision in sorted(live, key=lambda r: -r.weight)
    ]


HISTORY = ("RELEASE", "WHAT", "OUTCOME", "WHEN", "WHO", "COMMIT", "IMAGE")


def history_rows(entries: Sequence[Entry], live: str | None, now: float, iso: bool) -> list[Row]:
    """One row for each deployment, the newest first; `*` marks what is live."""
    seen: set[str] = set()
    rows: list[Row] = []
    for entry in entries:
        release = entry.intent.release or "-"
        mark = " *" if release == live and release not in seen else ""
        seen.add(release)
        rows.append((release + mark, *_history(entry, now, iso)))
    return rows


def locked(held: Held) -> str:
    """Who holds a lease, in a sentence."""
    by = clean(held.owner.run_url or held.owner.name)
    if held.manual:
        return f"locked by {by}: {clean(held.reason or 'no reason given')}"
    return f"in use by {by}: {clean(held.what)}"


def moment(then: float, now: float, iso: bool) -> str:
    """When, for people or for programs."""
    if not then:
        return ""
    if iso:
        return datetime.fromtimestamp(then, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ago(then, now)


def _history(entry: Entry, now: float, iso: bool) -> tuple[str, ...]:
    intent, conclusion = entry.intent, entry.conclusion
    image = intent.spec.image if intent.spec else None
    commit = (intent.origin.commit or "")[:12] + ("+dirty" if intent.origin.dirty else "")
    return (
        intent.kind,
        str(conclusion.outcome) if conclusion else "unfinished",
        moment(intent.at, now, iso),
        intent.origin.actor,
        commit,
        short(image.digest) if image else "",
    )


def _aligned(row: Row, widths: list[int]) -> str:
    cells = (
        text + " " * (width - width_of(text)) for text, width in zip(row, widths, strict=True)
    )
    return "  ".join(cells).rstrip()
