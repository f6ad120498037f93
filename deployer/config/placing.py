"""One service on one target: variables filled in, checked once more, and made into nouns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import asdict

from deployer.config.checking import Checker
from deployer.config.document import DEFAULT
from deployer.config.envfile import read_env
from deployer.config.interpolate import PLACED, filled
from deployer.config.kinds import Shape
from deployer.config.lookup import plain
from deployer.config.placements import App, Placement
from deployer.config.problems import Mark, Problems
from deployer.config.reading import Items, Table
from deployer.config.rules import check_service
from deployer.config.schema import Service
from deployer.config.shapes import option_shape
from deployer.errors import ConfigError
from deployer.model import Build, Scope, SecretRef

LONGEST_NAME = 63
Where = tuple[str, str, str]  # environment, target, service


def place(app: App, where: Where, problems: Problems) -> Placement | None:
    """One service on one target, or None where problems were added."""
    before = problems.count
    merged, keys = app.document.merged(*where)
    table = _filled(app, merged, where, problems)
    if problems.count > before:
        return None
    found = _checked(table, keys, problems)
    if problems.count > before:
        return None
    name = found.get("name") or default_name(app, where)
    if len(name) > LONGEST_NAME:
        what = f'the name "{name}" has more than {LONGEST_NAME} characters'
        problems.add(merged.mark, what, fix="write a shorter `name:` in the target")
    env = _env(app, found, table, problems)
    return _placement(app, where, name, found, env) if problems.count == before else None


def default_name(app: App, where: Where) -> str:
    """`app-service-environment`.

    The service is left out where the only one is called like the app, and the environment where
    none is declared: `shop`, not `shop-shop-default`.
    """
    environment, _, service = where
    parts = [app.name]
    if app.services != (app.name,):
        parts.append(service)
    if app.document.declared or environment != DEFAULT:
        parts.append(environment)
    return "-".join(parts)


def shared(app: App, placements: Sequence[Placement], problems: Problems) -> None:
    """Adds where two services of one target have what only one can have: a name, a port."""
    seen: dict[tuple[str, str, str], str] = {}
    for one in placements:
        target, service = one.scope.target, one.scope.service
        for key, value in _owned(app, one):
            other = seen.setdefault((target, key, value), service)
            if other != service:
                what = f"services {other} and {service} both have {key} {value} on {target}"
                fix = f"write {key} under targets.{target}.services.{service}"
                mark = app.document.root.keys.get("targets", Mark(1, 1))
                problems.add(mark, what, fix=fix)


def _filled(app: App, table: Table, where: Where, problems: Problems) -> Table:
    placed = dict(zip(PLACED, (app.name, *where), strict=True))
    result = filled(table, {**app.document.environ, **placed}, problems)
    assert isinstance(result, Table)
    return result


def _checked(table: Table, keys: Shape, problems: Problems) -> dict[str, Any]:
    check_service(table, problems)
    found: dict[str, Any] = Checker(problems).record(table, keys)
    return found


def _env(app: App, found: dict[str, Any], table: Table, problems: Problems) -> dict[str, str]:
    env: dict[str, str] = {}
    files = table.entries.get("env_file")
    for node in files.items if isinstance(files, Items) else ():
        try:
            env |= read_env(app.root, getattr(node, "text", ""))
        except ConfigError as error:
            problems.include(error, node.mark)
    env |= found.get("env", {})
    return {name: env[name] for name in env if name not in found.get("secrets", {})}


def _placement(
    app: App, where: Where, name: str, found: dict[str, Any], env: dict[str, str]
) -> Placement:
    environment, target, service = where
    provider = found["provider"]
    said = asdict(Service(**_only(found, Service.__struct_fields__)))
    del said["env_file"]
    said["build"] = None if said["image"] else said["build"] or Build()
    said["secrets"] = {key: SecretRef(ref=ref) for key, ref in said["secrets"].items()}
    said["env"] = env
    return Placement(
        scope=Scope(
            app=app.name, environment=environment, target=target, service=service, name=name
        ),
        provider=provider,
        options=_options(app, provider, found),
        protected=app.environments[environment].protected,
        **said,
    )


def _options(app: App, provider: str, found: dict[str, Any]) -> dict[str, Any]:
    kind = app.document.options(provider)
    return plain(kind(**_only(found, kind.__struct_fields__))) if kind else {}


def _owned(app: App, one: Placement) -> Iterator[tuple[str, str]]:
    """What this service has on its target that no other service can have as well."""
    yield "name", one.scope.name
    fields = option_shape(app.document.options(one.provider)).fields
    for key, value in one.options.items():
        if fields[key].kind.extra.get("unique"):
            yield key, str(value)


def _only(found: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in names if name in found}
