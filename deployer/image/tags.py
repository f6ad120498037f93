"""Names for an image: the tag for people, and labels that are the same for the same commit."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from deployer.image.git import GitFacts
from deployer.registry.reference import check_tag

_LABEL = "org.opencontainers.image"


def image_tag(facts: GitFacts | None, tree: str = "") -> str:
    """`git-<sha12>`, `git-<sha12>-dirty-<hash8>`, or `ctx-<hash12>` of `tree` outside git."""
    if facts is None:
        return f"ctx-{tree[:12]}"
    dirty = f"-dirty-{facts.dirty_hash[:8]}" if facts.dirty else ""
    return f"git-{facts.short}{dirty}"


def sanitise(text: str) -> str:
    """`text` (a branch, a version) as a tag: what registries do not take becomes a dash."""
    return check_tag(re.sub(r"[^A-Za-z0-9_.-]+", "-", text).lstrip(".-")[:128] or "none")


def labels(facts: GitFacts | None) -> dict[str, str]:
    """OCI labels from the commit alone. A run's id or the wall clock would change the digest of
    an image that is otherwise the same."""
    if facts is None:
        return {}
    found = {
        "revision": facts.commit + ("-dirty" if facts.dirty else ""),
        "source": facts.remote.removesuffix(".git"),
        "version": facts.tag,
        "created": datetime.fromtimestamp(facts.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {f"{_LABEL}.{key}": value for key, value in found.items() if value}


def source_date_epoch(facts: GitFacts | None) -> int | None:
    """The commit's time in seconds since 1970, as BuildKit and other tools take it."""
    return facts.time if facts else None
