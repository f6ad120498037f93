"""`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`, in values only and once only.

What a variable holds is never read again: a value with `${…}` in it stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from deployer.config.problems import Problems
from deployer.config.reading import Items, Node, Scalar, Table

PLACED = ("DEPLOYER_APP", "DEPLOYER_ENVIRONMENT", "DEPLOYER_TARGET", "DEPLOYER_SERVICE")
_PART = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:[-?])([^{}]*))?\}|\$\{")


def variables(text: str) -> list[str]:
    """The names that `text` takes from outside; a malformed `${` counts as one without name."""
    if "${" not in text:
        return []
    return [m[1] or "" for m in _PART.finditer(text) if m[0] != "$$"]


def interpolate(text: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """`text` with its variables filled in, and a sentence for each that could not be."""
    missing: list[str] = []

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        found, problem = _filled(match, values)
        if problem:
            missing.append(problem)
        return found

    return _PART.sub(fill, text), missing


def filled(node: Node, values: Mapping[str, str], problems: Problems) -> Node:
    """A copy of the tree with every variable filled in; what has none is shared, not copied."""
    if isinstance(node, Scalar):
        return _scalar(node, values, problems) if "$" in node.text else node
    if isinstance(node, Items):
        return Items([filled(item, values, problems) for item in node.items], node.mark)
    entries = {key: filled(value, values, problems) for key, value in node.entries.items()}
    return Table(entries, node.keys, node.mark)


def refused(node: Node, why: str, problems: Problems) -> None:
    """Every variable in the tree is a mistake, because of `why`."""
    if isinstance(node, Scalar):
        if variables(node.text):
            what = f"{node.text[:40]} is not filled in here"
            problems.add(node.mark, what, why=why, fix="write the value itself")
        return
    for child in node.items if isinstance(node, Items) else node.entries.values():
        refused(child, why, problems)


def _scalar(node: Scalar, values: Mapping[str, str], problems: Problems) -> Scalar:
    text, missing = interpolate(node.text, values)
    for problem in missing:
        problems.add(node.mark, problem, fix=_fix(problem))
    # Quoted from now on: an empty value is an empty text, not "nothing".
    return Scalar(text, node.plain and text == node.text, node.mark)


def _filled(match: re.Match[str], values: Mapping[str, str]) -> tuple[str, str | None]:
    name, operator, rest = match.groups()
    if name is None:
        return "", "`${` starts a variable, and none follows"
    found = values.get(name, "")
    if found:
        return found, None
    if operator == ":-":
        return rest, None
    said = f": {rest}" if rest else ""
    return "", f"${{{name}}} has no value{said}"


def _fix(problem: str) -> str:
    if problem.startswith("`"):
        return "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $${ for the characters ${"
    name = problem[2 : problem.index("}")]
    return f"set {name} in the environment, or give a default: ${{{name}:-…}}"
