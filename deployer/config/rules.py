"""What types cannot say about a service: which values go together."""

from __future__ import annotations

import re

from deployer.config.interpolate import variables
from deployer.config.problems import Problems
from deployer.config.reading import WHOLE, Items, Node, Scalar, Table
from deployer.config.secretlike import secret_pair, secret_value


def check_service(service: Table, problems: Problems) -> None:
    """Adds what is wrong between the keys of one service, all layers merged."""
    for rule in (_health, _times, _scale, _stages, _proof, _platform, _env, _args, _plain_refs):
        rule(service, problems)


def find(table: Table, *path: str) -> Node | None:
    """The node at `path`, or None where it is absent or waits for a variable."""
    node: Node | None = table
    for key in path:
        node = node.entries.get(key) if isinstance(node, Table) else None
    pending = isinstance(node, Scalar) and bool(variables(node.text) or node.null)
    return None if pending else node


def text(table: Table, *path: str) -> Scalar | None:
    """The scalar at `path`, or None."""
    node = find(table, *path)
    return node if isinstance(node, Scalar) else None


def _health(service: Table, problems: Problems) -> None:
    path = text(service, "health", "path")
    if path and not path.text.startswith("/"):
        what = f'health.path: needs a path that starts with /, has "{path.text}"'
        problems.add(path.mark, what, fix=f"write /{path.text.lstrip('./')}")
    if path and "port" not in service.entries:
        what = "health.path needs a port to be asked at, and the service has none"
        problems.add(path.mark, what, fix="write port:, or health.command for a worker")


def _times(service: Table, problems: Problems) -> None:
    for path in (("health", "interval"), ("health", "timeout"), ("release", "timeout")):
        node = text(service, *path)
        if node and re.fullmatch(r"[0.]+(ms|s|m|h|d)", node.text):
            problems.add(node.mark, f"{'.'.join(path)}: needs more than nothing, has {node.text}")


def _scale(service: Table, problems: Problems) -> None:
    low, high = text(service, "scale", "min"), text(service, "scale", "max")
    least, most = _whole(low, 1), _whole(high, 1)
    if least is None or most is None or least <= most:
        return
    default = "" if high else ", the default"
    where = low or high
    if where:
        what = f"scale.min is {least} and scale.max is {most}{default}"
        problems.add(where.mark, what, fix=f"write scale.max: {least} or more")


def _whole(node: Scalar | None, default: int) -> int | None:
    if node is None:
        return default
    return int(node.text) if WHOLE.fullmatch(node.text) else None


def _stages(service: Table, problems: Problems) -> None:
    node = find(service, "rollout", "stages")
    if not isinstance(node, Items):
        return
    found = [_whole(item, 0) if isinstance(item, Scalar) else None for item in node.items]
    steps = [step for step in found if step is not None]
    if len(steps) < len(found):
        return  # said by its type
    rising = all(a < b for a, b in zip([0, *steps], steps, strict=False))
    if not rising or steps[-1:] != [100]:
        what = f"rollout.stages: needs rising percentages that end with 100, has {steps}"
        problems.add(node.mark, what, fix="write for example [10, 50, 100]")


def _proof(service: Table, problems: Problems) -> None:
    verify = text(service, "verify")
    if verify and verify.text == "outside" and "port" not in service.entries:
        what = "verify: outside needs a port to be asked at, and the service has none"
        problems.add(verify.mark, what, fix="write port:, or verify: platform")


def _platform(service: Table, problems: Problems) -> None:
    node = text(service, "build", "platform")
    if node and not re.fullmatch(r"[a-z0-9]+/[a-z0-9]+(/v\d+)?", node.text):
        what = f'build.platform: needs system/architecture, has "{node.text}"'
        problems.add(node.mark, what, fix="write linux/amd64 or linux/arm64")


def _env(service: Table, problems: Problems) -> None:
    fix = "write it under `secrets:`, with where the target keeps it"
    _plain(service, ("env",), fix, problems)
    env, secrets = find(service, "env"), find(service, "secrets")
    if isinstance(env, Table) and isinstance(secrets, Table):
        for name in env.entries.keys() & secrets.entries.keys():
            what = f"{name} stands under `env:` and under `secrets:`"
            problems.add(secrets.keys[name], what, fix="keep the one under `secrets:`")


def _args(service: Table, problems: Problems) -> None:
    fix = "build arguments stay in the image's history; use build.secrets"
    _plain(service, ("build", "args"), fix, problems)


def _plain(service: Table, path: tuple[str, ...], fix: str, problems: Problems) -> None:
    node = find(service, *path)
    for name, value in node.entries.items() if isinstance(node, Table) else ():
        if isinstance(value, Scalar) and not value.null and secret_pair(name, value.text):
            what = f"{'.'.join(path)}.{name} looks like a secret, and stands here in plain text"
            problems.add(value.mark, what, fix=fix)


def _plain_refs(service: Table, problems: Problems) -> None:
    node = find(service, "secrets")
    for name, value in node.entries.items() if isinstance(node, Table) else ():
        if isinstance(value, Scalar) and secret_value(value.text):
            what = f"secrets.{name} is the secret itself"
            fix = "write where the target's secret manager keeps it, and change the secret"
            problems.add(value.mark, what, fix=fix)
