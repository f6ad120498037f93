"""Facts -> the text of `deployer.yaml`, with a reason in a comment on every line that has one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from deployer.init.facts import Facts, ServiceFacts
from deployer.init.looking import look

SCHEMA = "deployer.schema.json"
_FIRST_PORT = 8080
_CLOUDS = """\
  # gcp:                       # Cloud Run
  #   provider: gcp
  #   project: my-project
  #   region: europe-west1
  # aws:                       # Amazon ECS
  #   provider: aws
  #   account: "123456789012"
  #   region: eu-central-1
  #   cluster: main
  # azure:                     # App Service
  #   provider: azure
  #   subscription: 00000000-0000-0000-0000-000000000000
  #   resource_group: my-group
  #   registry: myregistry
"""
_ENVIRONMENTS = """\
# environments:                # the same app in several places, with rules to enter them
#   staging: {targets: {gcp: {}}}
#   production:
#     protected: true
#     targets: {gcp: {project: my-project-production}}
#     promote: {from: staging, soak: 2h}
"""


def propose(folder: Path, schema: str = SCHEMA) -> str:
    """A `deployer.yaml` for `folder` that loads as it is and ships to the local engine.

    Values of variables are never copied, only their names.
    """
    return "\n".join(_lines(look(folder), schema)).rstrip() + "\n"


def _lines(facts: Facts, schema: str) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schema}"
    yield "# Written by `deployer init` from what it found here. `deployer check` reads it again."
    yield ""
    yield _said(f"app: {facts.app.value}", facts.app.why)
    several = len(facts.services) > 1
    if several:
        yield "services:"
    for service in facts.services:
        if several:
            yield f"  {service.name}:"
        yield from (f"{'    ' * several}{line}" for line in _service(service, facts, several))
    yield ""
    yield from _targets(facts)
    yield ""
    yield _ENVIRONMENTS


def _service(service: ServiceFacts, facts: Facts, several: bool) -> Iterator[str]:
    if not several and service.name != facts.app.value:
        yield f"service: {service.name}"
    yield from _build(service, facts)
    yield from _port(service)
    yield from _health(service)
    yield from _release(service)
    yield from _names(facts)
    if service.volumes:
        yield "volumes:                       # named volumes of the compose file"
        yield from (f"  {name}: {_quoted(path)}" for name, path in service.volumes.items())
    known = {one.name for one in facts.services}
    needs = [name for name in service.depends_on if name in known]
    if several and needs:
        yield f"depends_on: [{', '.join(needs)}]"


def _build(service: ServiceFacts, facts: Facts) -> Iterator[str]:
    keys = {"context": service.context}
    if service.dockerfile != "Dockerfile":
        keys["dockerfile"] = service.dockerfile
    if service.target:
        keys["target"] = service.target.value
    inner = ", ".join(f"{key}: {_quoted(value)}" for key, value in keys.items())
    why = service.target.why if service.target else "the folder with the Dockerfile"
    yield _said(f"build: {{{inner}}}", why if facts.dockerfile else "no Dockerfile yet: write one")
    if facts.dockerfile and service.root_user:
        yield "# The container runs as root: a USER line in the Dockerfile is safer."


def _port(service: ServiceFacts) -> Iterator[str]:
    if service.port:
        yield _said(f"port: {service.port.value}", service.port.why)
    else:
        yield "# port: 8000                 # where the container listens; without one: a worker"


def _health(service: ServiceFacts) -> Iterator[str]:
    path, timings = service.health.path, service.health.timings
    if path is None:
        yield "# health: {path: /health}    # a path that answers 200 once the app can serve"
        return
    keys = {"path": _quoted(path.value), **timings}
    inner = ", ".join(f"{key}: {value}" for key, value in keys.items())
    yield _said(f"health: {{{inner}}}", path.why)


def _release(service: ServiceFacts) -> Iterator[str]:
    if service.release:
        command, why = service.release
        yield f"# Migrations ({_comment(why)}): run once on the new image, before traffic moves."
        yield "# Take them out of the entrypoint, where every container runs them."
        yield f"# release: {{command: [{', '.join(command)}], timeout: 10m}}"


def _names(facts: Facts) -> Iterator[str]:
    """Names only. Plain ones as a comment: a value is for whoever knows it to write."""
    if facts.variables:
        yield "# env:                         # names found here; write their values"
        yield from (f"#   {name}: …  # {_comment(why)}" for name, why in facts.variables.items())
    if facts.secrets:
        if ".env" in facts.secrets.values():
            yield "# From the shell; for those in .env: set -a; . ./.env"
        yield "secrets:                       # variable: where the target keeps the value"
        for name, why in facts.secrets.items():
            yield _said(f"  {name}: env:{name}", f"{why}; taken from your environment")


def _targets(facts: Facts) -> Iterator[str]:
    for name, image in facts.others.items():
        what = f"{_comment(name)} ({_comment(image)})"
        yield f"# Not shipped: {what}; use a managed one in the cloud."
    yield "targets:"
    yield "  local:                       # the Docker engine here: `deployer ship -t local`"
    yield "    provider: docker"
    with_port = [service for service in facts.services if service.port]
    if len(facts.services) == 1 and with_port:
        yield f"    publish: {_FIRST_PORT}              # http://127.0.0.1:{_FIRST_PORT}"
    elif with_port:
        yield "    services:"
        for number, service in enumerate(with_port, _FIRST_PORT):
            yield f"      {service.name}: {{publish: {number}}}"
    yield _CLOUDS.rstrip()


def _said(line: str, why: str) -> str:
    return f"{line:<30} # {_comment(why)}"


def _quoted(text: str) -> str:
    """A text that YAML reads back as it is; a dollar sign starts no variable."""
    if re.fullmatch(r"[A-Za-z./][\w./-]*", text, re.ASCII):
        return text
    return json.dumps(text).replace("$", "$$")


def _comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)
