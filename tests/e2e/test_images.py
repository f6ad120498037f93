"""Images on the real engine and in a real registry: pushed, pulled and proven by digest."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest

from tests.conftest import StartRegistry
from tests.support.project import APPS
from tests.support.registry import RegistryServer
from tests.support.session import Session
from tests.support.shop import Shop

pytestmark = [pytest.mark.docker, pytest.mark.slow]

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def server(start_registry: StartRegistry) -> RegistryServer:
    return start_registry()


def pushed(engine: Any, image: str, name: str) -> str:
    """Pushes `image` as `name:1`; its reference by digest. The engine forgets the name again."""
    engine.images.get(image).tag(name, "1")
    told = [json.loads(line) for line in engine.api.push(name, "1").splitlines()]
    (digest,) = [line["aux"]["Digest"] for line in told if "aux" in line]
    engine.images.remove(f"{name}:1")
    return f"{name}@{digest}"


def source(shop: Shop) -> None:
    """The hello application's own files beside deployer.yaml."""
    for name in ("Dockerfile", "server.py", ".dockerignore"):
        (shop.folder / name).write_text((APPS / "hello" / name).read_text())


def asked(server: RegistryServer) -> list[str]:
    """Every request that the registry logged, as `HEAD /v2/…`."""
    found = re.findall(
        r'"((?:GET|HEAD|PUT|POST|PATCH) /v2/\S*) HTTP/1.1" \d', server.log.read_text()
    )
    return list(found)


def served_digest(shop: Shop) -> set[str]:
    """The manifest digests under which the engine knows the running container's image."""
    image = shop.engine.api.inspect_image(shop.serving().attrs["Image"])
    return {name.partition("@")[2] for name in image["RepoDigests"]}


def test_an_image_goes_through_the_registry_and_is_proven_by_its_digest(
    shop: Shop, server: RegistryServer, labelled: Session, python_base: str
) -> None:
    source(shop)
    base = pushed(shop.engine, python_base, f"{server.host}/{labelled.id}/base")
    prefix = f"{server.host}/{labelled.id}"
    build = {"args": {"BASE": base, "VERSION": "built"}}
    shop.write("1", {"registry": prefix}, image=None, build=build)
    report = shop.ship()
    assert shop.version() == "built"
    assert report["image"]["type"] == "registry"
    digest, repository = report["image"]["digest"], report["image"]["repository"]
    assert digest in served_digest(shop)
    assert f"{repository}@{digest}" == shop.serving().attrs["Config"]["Image"]
    assert digest == registry_digest(server, repository, report["image"]["tag"])

    before = len(asked(server))
    again = shop.run("ship", "--yes", "--events", "ndjson").events
    (built,) = [event for event in again if event["type"] == "built"]
    assert built["reused"]
    assert [e["outcome"] for e in again if e["type"] == "report"] == ["unchanged"]
    (request,) = asked(server)[before:]
    assert request.startswith(f"HEAD /v2/{labelled.id}/{shop.app}/api/manifests/in-")


def registry_digest(server: RegistryServer, repository: str, tag: str) -> str:
    """What the registry itself says of a tag."""
    path = repository.removeprefix(f"{server.host}/")
    request = urllib.request.Request(f"{server.url}/v2/{path}/manifests/{tag}", method="HEAD")
    request.add_header("Accept", MANIFEST)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def test_an_image_that_exists_is_shipped_by_its_name_and_pulled_by_its_digest(
    shop: Shop, server: RegistryServer, labelled: Session
) -> None:
    shop.ship()
    name = f"{server.host}/{labelled.id}/given"
    reference = pushed(shop.engine, shop.image("2"), name)
    report = shop.ship("--image", f"{name}:1")
    assert shop.version() == "2"
    assert f"{name}@{report['image']['digest']}" == reference
    assert shop.serving().attrs["Config"]["Image"] == reference
    missing = shop.ship("--image", f"{name}:absent", expect=3)
    assert f"there is no image {name}:absent" in missing["problem"]["what"]
    assert shop.version() == "2"
