"""Registries that refuse, break, or hold something else than was pushed."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator

import docker
import pytest

from tests.conftest import StartRegistry
from tests.support.faultproxy import Fault, fault_proxy, said
from tests.support.registry import RegistryServer
from tests.support.session import Session
from tests.support.standing import QUICK, Standing, stand

pytestmark = pytest.mark.docker
REFUSED = '{"errors": [{"code": "DENIED", "message": "requested access is denied"}]}'
FULL = '{"errors": [{"code": "UNKNOWN", "message": "write: no space left on device"}]}'
UPLOAD, PUT = "(POST|PATCH|PUT) .*/blobs/uploads", "PUT .*/manifests/"


@pytest.fixture(scope="module")
def standing(
    tmp_path_factory: pytest.TempPathFactory,
    labelled: Session,
    engine: docker.DockerClient,
    python_base: str,
    edge_image: str,
) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("registry")
    with stand(folder, labelled, engine, python_base, edge_image) as found:
        found.environment["BAD_SESSION"] = labelled.id
        yield found


@pytest.fixture(autouse=True)
def small(standing: Standing, busybox_base: str) -> None:
    """A small image, so that a push is short; it never gets to run."""
    standing.tidy()
    text = f"FROM {busybox_base}\nRUN echo {secrets.token_hex()} >/new\nUSER 10001\n"
    (standing.project.folder / "Dockerfile").write_text(text)  # a layer that no registry has


def push_to(standing: Standing, host: str) -> None:
    session = standing.environment["BAD_SESSION"]
    target = {"provider": "docker", "publish": standing.project.port}
    registry = {"registry": f"{host}/{session}"}
    standing.project.write("2", health=QUICK, build={}, targets={"local": {**target, **registry}})


FAULTS: dict[str, tuple[int, Fault, tuple[str, ...]]] = {
    "asks for a login": (
        8,
        Fault("answer", "/v2/", data=said("401 No", REFUSED)),
        ("login",),
    ),
    "refuses the account": (
        8,
        Fault("answer", UPLOAD, data=said("403 No", REFUSED)),
        ("a registry refused", "permission"),
    ),
    "is broken": (
        3,
        Fault("answer", PUT, data=said("500 Oh", '{"errors": [{"code": "UNKNOWN"}]}')),
        ("could not be pushed", "500", "run the same again"),
    ),
    "has a full disk": (
        3,
        Fault("answer", PUT, data=said("507 Full", FULL)),
        ("could not be pushed", "507 Full", "the registry's own log"),
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_registry_that(standing: Standing, registry_server: RegistryServer, case: str) -> None:
    code, fault, words = FAULTS[case]
    host, _, port = registry_server.host.partition(":")
    with fault_proxy(("127.0.0.1", 0), (host, int(port)), fault) as proxy:
        push_to(standing, proxy.host)
        failure = standing.fails(code, "ship", "--timeout", "20s")
        assert proxy.met, proxy.requests
    failure.says(*words, proxy.host)


@pytest.mark.slow
def test_a_registry_that_resets_every_upload(
    standing: Standing, registry_server: RegistryServer
) -> None:
    host, _, port = registry_server.host.partition(":")
    fault = Fault("reset", "(PATCH|PUT) .*/blobs/uploads")
    with fault_proxy(("127.0.0.1", 0), (host, int(port)), fault) as proxy:
        push_to(standing, proxy.host)
        failure = standing.fails(3, "ship")
        assert proxy.met
    failure.says("could not be pushed", "run the same again")


def test_a_registry_that_is_not_there(standing: Standing) -> None:
    push_to(standing, "127.0.0.1:1")
    standing.fails(3, "ship").says("could not be pushed", "127.0.0.1:1", "connection refused")


def test_a_login_that_is_wrong(standing: Standing, start_registry: StartRegistry) -> None:
    server = start_registry("basic")
    push_to(standing, server.host)
    standing.fails(8, "ship").says(server.host, "docker login")


def test_a_tag_that_somebody_moved_while_we_pushed(
    standing: Standing, registry_server: RegistryServer
) -> None:
    """The last word on a manifest is somebody else's: what we built is not what stands there."""
    other = b'{"schemaVersion": 2}'
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(other)}\r\nContent-Type: application/x\r\n"
    digest = "Docker-Content-Digest: sha256:" + "1" * 64
    data = f"{head}{digest}\r\nConnection: close\r\n\r\n".encode()
    host, _, port = registry_server.host.partition(":")
    fault = Fault("answer", "HEAD .*/manifests/(ctx|git)", data=data)
    with fault_proxy(("127.0.0.1", 0), (host, int(port)), fault) as proxy:
        push_to(standing, proxy.host)
        failure = standing.fails(3, "ship", "--timeout", "20s")
    failure.says("does not have what was pushed", "sha256:1111", "somebody else pushed")


def test_plain_http_where_tls_is_spoken(standing: Standing) -> None:
    """Any other address than loopback is spoken to with TLS, and nothing here answers with it."""
    address = our_address()
    with fault_proxy(
        (address, 0), ("127.0.0.1", 1), Fault("answer", data=said("400 No"))
    ) as proxy:
        push_to(standing, proxy.host)
        failure = standing.fails(3, "ship")
        assert proxy.met
    failure.says("does not speak TLS", proxy.host, "on this machine only")


def our_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; the kernel says from where it would
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])
