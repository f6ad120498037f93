"""Looking at a folder: Dockerfiles, compose file, names in `.env`, source, git remote."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from deployer.config.graph import cycle
from deployer.config.secretlike import secret_name
from deployer.init import frameworks
from deployer.init.compose import ComposeService, read_compose
from deployer.init.dockerfile import Container, container
from deployer.init.facts import Facts, Found, HealthFacts, ServiceFacts

_ENV_FILES = (".env", ".env.example", ".env.sample", ".env.local")
_CONNECTION = re.compile(
    r"(DATABASE|DB|REDIS|MONGO(DB)?|AMQP|RABBITMQ|BROKER|SENTRY)_?(URL|URI|DSN)$"
)
_VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)


class Place(Struct, frozen=True):
    """Something that can be built. `needs` names the other places that it waits for."""

    name: str
    context: str
    file: str = "Dockerfile"
    said: ComposeService = ComposeService(context=None)
    needs: tuple[str, ...] = ()


def look(folder: Path) -> Facts:
    """Everything that helps to write a configuration. Values of variables are never kept."""
    folder = folder.absolute()
    name, services = read_compose(folder)
    app = _app(folder)
    places = _composed(folder, services) or _plain(folder, app.value)
    variables = _variables(folder, name, services)
    found = tuple(_service(folder, place) for place in places)
    return Facts(
        app=app,
        services=found or (ServiceFacts(name=app.value),),
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
    short = re.sub(r"^[^a-z]+", "", words)[:30].strip("-") or "app"
    return f"{short}-app" if short in ("null", "true", "false") else short


def _app(folder: Path) -> Found:
    config = frameworks.read_text(folder / ".git" / "config")
    remote = re.search(r"url\s*=\s*\S*?([^/:\s]+?)/?\s*$", config, re.MULTILINE)
    if remote:
        return Found(slug(remote[1]), "the name of the git remote")
    return Found(slug(folder.name), "the name of the folder")


def _composed(folder: Path, services: dict[str, ComposeService]) -> list[Place]:
    """What the compose file builds here."""
    built = {}
    for key, service in services.items():
        context = _inside(folder, service.context)
        if (
            context is not None
            and (folder / context / (service.dockerfile or "Dockerfile")).is_file()
        ):
            built[key] = (context, service)
    names = _unlike(list(built))
    needs = {
        key: tuple(need for need in service.depends_on if need in names)
        for key, (_, service) in built.items()
    }
    order = {} if cycle(needs) else needs
    return [
        Place(
            names[key],
            context,
            service.dockerfile or "Dockerfile",
            service,
            tuple(names[need] for need in order.get(key, ())),
        )
        for key, (context, service) in built.items()
    ]


def _plain(folder: Path, app: str) -> list[Place]:
    """The folder's own Dockerfile, or those one level below."""
    if (folder / "Dockerfile").is_file():
        return [Place(app, ".")]
    below = sorted(path.parent.name for path in folder.glob("*/Dockerfile") if path.is_file())
    names = _unlike([name for name in below if name[0] != "."])
    return [Place(slugged, f"./{name}") for name, slugged in names.items()]


def _unlike(names: list[str]) -> dict[str, str]:
    """A name of its own for each: the second `web` is `web-2`."""
    found: dict[str, str] = {}
    for name in names:
        short, number = slug(name), 2
        while short in found.values():
            short, number = f"{slug(name)}-{number}", number + 1
        found[name] = short
    return found


def _inside(folder: Path, context: str | None) -> str | None:
    """The context as a path below the folder, or None."""
    if context is None or "\0" in context or "://" in context:
        return None
    path = (folder / context).resolve()
    if not path.is_relative_to(folder.resolve()):
        return None
    inside = path.relative_to(folder.resolve()).as_posix()
    return "." if inside == "." else f"./{inside}"


def _service(folder: Path, place: Place) -> ServiceFacts:
    home = folder / place.context
    inside = container(frameworks.read_text(home / place.file))
    port = _port(home, inside, place.said)
    return ServiceFacts(
        name=place.name,
        context=place.context,
        dockerfile=place.file,
        target=_target(inside),
        port=port,
        health=HealthFacts(path=_health(home, inside) if port else None, timings=inside.timings),
        release=frameworks.migration(home),
        root_user=inside.user in (None, "root", "0"),
        volumes=place.said.volumes,
        depends_on=place.needs,
    )


def _port(home: Path, inside: Container, said: ComposeService) -> Found | None:
    if inside.port:
        return Found(inside.port, "EXPOSE in the Dockerfile")
    if said.port:
        return Found(said.port, "ports of the compose file")
    return frameworks.usual_port(home)


def _health(home: Path, said: Container) -> Found | None:
    if said.health_path:
        return Found(said.health_path, "HEALTHCHECK in the Dockerfile")
    return frameworks.health_route(home)


def _target(said: Container) -> Found | None:
    """A stage that is clearly meant to run, where it is not the last one anyway."""
    for name in ("runtime", "production", "prod", "release"):
        if name in said.stages[:-1]:
            return Found(name, "a stage of the Dockerfile that is not its last")
    return None


def _variables(folder: Path, name: str, services: dict[str, ComposeService]) -> dict[str, str]:
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
