"""What somebody meant who wrote a key or a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from deployer.config import schema
from deployer.config.kinds import Shape, shape

_ELSEWHERE = {  # what other tools call it
    "environment": "env",
    "ports": "port",
    "healthcheck": "health",
    "replicas": "scale",
    "instances": "scale",
    "entrypoint": "command",
    "cmd": "command",
    "stop_grace_period": "stop_grace",
}


_FEW = 10


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` is a misspelling of, or None."""
    names = {name.lower(): name for name in known}
    longer = [name for name in names if len(word) > 2 and name.startswith(word.lower())]
    if len(longer) == 1:
        return names[longer[0]]
    found = get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def suggestion(key: str, shape: Shape) -> str:
    """A sentence that helps whoever wrote `key` in a mapping of this shape."""
    if _ELSEWHERE.get(key) in shape.fields:
        return f'did you mean "{_ELSEWHERE[key]}"?'
    inside = _within(key, shape)
    if inside:
        return f'"{key}" belongs under {" or ".join(inside)}'
    meant = closest(key, shape.fields)
    if meant:
        return f'did you mean "{meant}"?'
    place = _place(key, shape)
    if place:
        return f'"{key}" belongs {place}'
    names = ", ".join(sorted(shape.fields))
    return (
        f"known are {names}" if len(shape.fields) <= _FEW else "`deployer schema` prints the keys"
    )


def _within(key: str, outer: Shape) -> list[str]:
    records = [field for field in outer.fields.values() if field.kind.name == "record"]
    return [field.name for field in records if key in shape(field.kind.type).fields]


def _place(key: str, here: Shape) -> str | None:
    for struct, words in _PLACES.items():
        if struct is not here.type and key in shape(struct).fields:
            return words
        if _within(key, shape(struct)):
            return f"{words}, under {_within(key, shape(struct))[0]}"
    return None


_PLACES: dict[type, str] = {
    schema.Service: "to a service",
    schema.File: "to the top of the file",
    schema.Target: "to a target",
    schema.Environment: "to an environment",
}
