"""Looking at a folder: Dockerfiles, compose file, names in `.env`, source, git remote."""

from __future__ import annotations

import re
from pathlib import Path

from deployer.config.secretlike import secret_name
from deployer.init import compose, dockerfile, frameworks
from deployer.init.facts import Facts, Found, HealthFacts, ServiceFacts

_ENV_FILES = (".env", ".env.example", ".env.sample", ".env.local")
_CONNECTION = re.compile(
    r"(DATABASE|DB|REDIS|MONGO(DB)?|AMQP|RABBITMQ|BROKER|SENTRY)_?(URL|URI|DSN)$"
)
_VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)


def look(folder: Path) -> Facts:
    """Everything that helps to write a configuration. Values of variables are never kept."""
    folder = folder.absolute()
    name, services = compose.read_compose(folder)
    app = _app(folder)
    places = _places(folder, services)
    variables = _variables(folder, name, services)
    found = [_service(folder, app.value, *place, services) for place in places]
    return Facts(
        app=app,
        services=tuple(found) or (ServiceFacts(name=app.value),),
        dockerfile=bool(found),
        variables={key: why for key, why in variables.items() if not _secret(key)},
        secrets={key: why for key, why in variables.items() if _secret(key)},
        others={
            key: service.image
            for key, service in services.items()
            if service.context is None and service.image
        },
    )


def slug(text: str) -> str:
    """`My_Shop.git` -> `my-shop`: a name that the configuration accepts."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower().removesuffix(".git"))
    return re.sub(r"^[^a-z]+", "", words)[:30].strip("-") or "app"


def _app(folder: Path) -> Found:
    config = frameworks.read_text(folder / ".git" / "config")
    remote = re.search(r"url\s*=\s*\S*?([^/:\s]+?)/?\s*$", config, re.MULTILINE)
    if remote:
        return Found(slug(remote[1]), "the name of the git remote")
    return Found(slug(folder.name), "the name of the folder")


def _places(
    folder: Path, services: dict[str, compose.ComposeService]
) -> list[tuple[str, str, str]]:
    """(name, context, dockerfile) of what can be built: compose first, then Dockerfiles found."""
    built = []
    for name, service in services.items():
        context = _inside(folder, service.context)
        file = service.dockerfile or "Dockerfile"
        if context is not None and (folder / context / file).is_file():
            built.append((slug(name), context, file))
    if built:
        return built
    if (folder / "Dockerfile").is_file():
        return [("", ".", "Dockerfile")]
    below = sorted(path.parent.name for path in folder.glob("*/Dockerfile") if path.is_file())
    return [(slug(name), f"./{name}", "Dockerfile") for name in below if name[0] != "."]


def _inside(folder: Path, context: str | None) -> str | None:
    """The context as a path below the folder, or None."""
    if context is None or "\0" in context or "://" in context:
        return None
    path = (folder / context).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    inside = path.relative_to(folder.resolve()).as_posix()
    return "." if inside == "." else f"./{inside}"


def _service(
    folder: Path,
    app: str,
    name: str,
    context: str,
    file: str,
    services: dict[str, compose.ComposeService],
) -> ServiceFacts:
    place = folder / context
    said = dockerfile.parse(frameworks.read_text(place / file))
    other = next((s for key, s in services.items() if slug(key) == name), None)
    port = _port(place, said, other)
    return ServiceFacts(
        name=name or app,
        context=context,
        dockerfile=file,
        target=_target(said),
        port=port,
        health=HealthFacts(path=_health(place, said) if port else None, timings=said.timings),
        release=frameworks.migration(place),
        root_user=said.user in (None, "root", "0"),
        volumes=other.volumes if other else {},
        depends_on=tuple(
            slug(key)
            for key in (other.depends_on if other else ())
            if key in services and services[key].context is not None
        ),
    )


def _port(
    place: Path, said: dockerfile.Dockerfile, other: compose.ComposeService | None
) -> Found | None:
    if said.port:
        return Found(said.port, "EXPOSE in the Dockerfile")
    if other and other.port:
        return Found(other.port, "ports of the compose file")
    return frameworks.usual_port(place)


def _health(place: Path, said: dockerfile.Dockerfile) -> Found | None:
    if said.health_path:
        return Found(said.health_path, "HEALTHCHECK in the Dockerfile")
    return frameworks.health_route(place)


def _target(said: dockerfile.Dockerfile) -> Found | None:
    """A stage that is clearly meant to run, where it is not the last one anyway."""
    for name in ("runtime", "production", "prod", "release"):
        if name in said.stages[:-1]:
            return Found(name, "a stage of the Dockerfile that is not its last")
    return None


def _variables(
    folder: Path, name: str, services: dict[str, compose.ComposeService]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in _ENV_FILES:
        for key in _VARIABLE.findall(frameworks.read_text(folder / file)):
            found.setdefault(key, file)
    for service in services.values():
        for key in service.variables if service.context is not None else ():
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key, re.ASCII):
                found.setdefault(key, name)
    return {key: why for key, why in found.items() if key not in ("PORT", "HOST")}


def _secret(name: str) -> bool:
    return secret_name(name) or bool(_CONNECTION.search(name.upper()))
