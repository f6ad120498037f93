"""A real engine with real containers. Everything made here carries `deployer.test=engine` and
a name of this test run, and is removed with it."""

from __future__ import annotations

import http.client
import io
import shutil
import socket
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from deployer.errors import DeployerError
from deployer_engine.client import Engine, connect
from deployer_engine.edge import Edge, EdgeSpec
from deployer_engine.store import HELPER

LABELS = {"deployer.test": "engine"}
APP_TAG = "deployer-test/engine-app:2"
SLOW = """#!/bin/sh
sleep "$QUERY_STRING"
printf 'Content-Type: text/plain\\r\\n\\r\\n%s' "$RELEASE"
"""
HEADERS = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\nDeployer-Release: forged\\r\\n\\r\\n'
env
"""
COUNT = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n%s' "$(wc -c)"
"""
UPGRADE = """#!/bin/sh
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
printf 'HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n'
printf 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\\r\\n\\r\\n'
while read -r line; do echo "echo $line"; done
"""
SERVE = """#!/bin/sh
echo -n "$RELEASE" >/www/index.html
nc -ll -p 8001 -e /bin/upgrade &
exec httpd -f -p 8000 -h /www
"""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        made = connect()
    except DeployerError as error:
        pytest.skip(f"no Docker engine: {error.why}")
    with made:
        yield made


@pytest.fixture(scope="session")
def edge_image(engine: Engine) -> str:
    script = Path(__file__).parents[2] / "scripts/lib/edge-image"
    return subprocess.run([script], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def app_image(engine: Engine) -> str:
    """Static busybox and nothing else: httpd that says its release, sleeps, or shows headers.

    Without a label: containers inherit an image's, and others may start theirs from it."""
    busybox = Path(shutil.which("busybox") or pytest.skip("needs busybox-static"))
    files = {
        "busybox": busybox.read_bytes(),
        "slow": SLOW.encode(),
        "headers": HEADERS.encode(),
        "count": COUNT.encode(),
        "upgrade": UPGRADE.encode(),
        "serve": SERVE.encode(),
        "Dockerfile": b"""FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY slow headers count /www/cgi-bin/
COPY upgrade serve /bin/
CMD ["sh", "-c", "/bin/serve"]
""",
    }
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    context.seek(0)
    engine.sdk.images.build(fileobj=context, custom_context=True, tag=APP_TAG, rm=True)
    return APP_TAG


@pytest.fixture
def name(engine: Engine) -> Iterator[str]:
    """A prefix for all that a test makes; what carries it is removed in the end."""
    prefix = f"dt-engine-{uuid.uuid4().hex[:8]}"
    yield prefix
    for key, value in (("name", prefix), ("label", f"{HELPER}={prefix}-state")):
        for container in engine.sdk.containers.list(all=True, filters={key: value}):
            container.remove(force=True, v=True)
    for network in engine.sdk.networks.list(names=[prefix]):
        network.remove()
    for volume in engine.sdk.volumes.list(filters={"name": prefix}):
        volume.remove(force=True)


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def edge(engine: Engine, name: str, edge_image: str, port: int) -> Edge:
    made = Edge(
        engine, EdgeSpec(f"{name}-edge", f"{name}-net", port, image=edge_image, labels=LABELS)
    )
    made.ensure()
    return made


App = Callable[[str], str]


@pytest.fixture
def app(engine: Engine, name: str, app_image: str) -> App:
    """Starts a container that answers with the release's name; returns the container's name."""

    def start(release: str) -> str:
        host = f"{name}-{release}"
        engine.sdk.containers.run(
            app_image,
            name=host,
            network=f"{name}-net",
            environment={"RELEASE": release},
            labels=LABELS,
            stop_signal="SIGKILL",
            detach=True,
        )
        return host

    return start


def get(port: int, path: str = "/", **headers: str) -> tuple[int, str, dict[str, str]]:
    """One request on its own connection: status, body, headers in lower case."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        body = answer.read().decode()
        return answer.status, body, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a failure's evidence, not only its sentence."""
    report = yield
    if call.excinfo and isinstance(call.excinfo.value, DeployerError):
        error = call.excinfo.value
        report.sections.append(("deployer", "\n".join([str(error.why), *error.evidence])))
    return report
