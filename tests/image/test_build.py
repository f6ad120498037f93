"""Builds for real, with each builder: the digest is the registry's, failures are told."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import AuthError, BuildError, DeployerError, RegistryError
from deployer.image.build import Built, Loaded, build
from deployer.image.builder import Builder
from deployer.image.context import read_context
from deployer.image.request import BuildRequest
from deployer.registry.client import RegistryClient
from deployer.registry.login import Basic, StaticLogins
from deployer.registry.manifest import Descriptor
from deployer.registry.reference import Digest, Pinned, Repository, Tagged
from deployer.secret import MASK, Secret
from tests.registry.servers import TOKEN_AUTH, registry, token_server

pytestmark = [pytest.mark.docker, pytest.mark.timeout(120)]

BASE = "FROM scratch\nCOPY busybox /bin/sh\n"
ANONYMOUS = StaticLogins({})


def request(
    context: Path, text: str, host: str = "", name: str = "app", **other: Any
) -> BuildRequest:
    (context / "Dockerfile").write_text(text)
    tags = (Repository(host, name).tagged("one"),) if host else ()
    options = {"tags": tags, "labels": {"deployer.test": "image"}, "push": bool(host), **other}
    return BuildRequest(context, **options)


def run(asked: BuildRequest, builder: Builder, **other: Any) -> tuple[Built | Loaded, list[str]]:
    lines: list[str] = []
    return build(asked, lines.append, builder=builder, logins=ANONYMOUS, **other), lines


def test_what_was_built_is_what_the_registry_has(
    context: Path, host: str, builder: Builder
) -> None:
    tags = tuple(Repository(host, "team/app").tagged(tag) for tag in ("one", "two"))
    text = BASE + "RUN echo hello\nUSER 10001\nEXPOSE 8000\n"
    built, _ = run(request(context, text, host, tags=tags), builder)
    assert isinstance(built, Built)
    client = RegistryClient(ANONYMOUS)
    for tag in tags:
        found = client.resolve(tag)
        assert found is not None
        assert found.digest == built.digest
    facts = client.image_config(Pinned(tags[0].repository, built.digest))
    assert (facts.user, facts.ports) == ("10001", (8000,))
    assert facts.labels["deployer.test"] == "image"
    again, _ = run(request(context, text, host, tags=tags), builder)
    assert isinstance(again, Built)
    assert again.digest == built.digest


def test_both_builders_give_the_same_image_to_the_engine(context: Path, builder: Builder) -> None:
    loaded, _ = run(request(context, BASE), builder)
    assert isinstance(loaded, Loaded)
    shown = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", loaded.image_id],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == loaded.image_id


def test_a_secret_is_in_the_step_and_nowhere_else(
    context: Path, host: str, builder: Builder, tmp_path: Path
) -> None:
    value = "s3cret-" + "build-value"
    digest = hashlib.sha256(value.encode()).hexdigest()
    step = f"RUN --mount=type=secret,id=pip : {time.time_ns()}; sha256sum /run/secrets/pip"
    text = BASE + f"{step} | grep {digest} && echo $PIP_TOKEN && cat /run/secrets/pip && echo\n"
    environment = {**os.environ, "PIP_TOKEN": value}
    asked = request(context, text, host, "secret", secrets={"pip": Secret(value)})
    seen: set[str] = set()
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(value, seen, stop))
    watcher.start()
    try:
        built, lines = run(asked, builder, environment=environment)
    finally:
        stop.set()
        watcher.join()
    assert isinstance(built, Built)
    assert f"  {MASK}" in lines, "the step prints it, and it is masked on its way out"
    assert not [line for line in lines if value in line], lines
    assert seen == set(), "the secret is in another process's arguments or environment"
    client = RegistryClient(ANONYMOUS)
    manifest = client.manifest(asked.tags[0])
    assert value.encode() not in client.blob(asked.tags[0].repository, manifest.config)


def _watch(value: str, seen: set[str], stop: threading.Event) -> None:
    while not stop.is_set():
        for process in Path("/proc").glob("[0-9]*"):
            if int(process.name) == os.getpid():
                continue
            for facts in ("cmdline", "environ"):
                try:
                    data = (process / facts).read_bytes()
                except OSError:
                    continue
                if value.encode() in data:
                    seen.add(f"{facts}: {data[:200]!r}")
        time.sleep(0.005)


def test_a_failing_step_says_line_and_last_words(
    context: Path, host: str, builder: Builder
) -> None:
    text = BASE + "\nRUN for i in 1 2 3; do echo step $i; done; \\\n    exit 7\n"
    with pytest.raises(BuildError, match="the build failed") as caught:
        run(request(context, text, host), builder)
    assert caught.value.where == f"{context}/Dockerfile:4"
    assert caught.value.evidence == ("step 1", "step 2", "step 3")
    assert "exit code 7" in str(caught.value.why)


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("FROM missing.invalid/x:1\n", "a base image cannot be pulled", 1),
        (BASE + "COPY nowhere /x\n", "not in the build context", 3),
        (BASE + "COPPY a b\n", "cannot be read", 3),
        (BASE + "RUN echo 'write /x: no space left on device'; exit 1\n", "disk is full", 3),
    ],
)
def test_causes(
    context: Path, host: str, builder: Builder, text: str, what: str, line: int
) -> None:
    with pytest.raises(BuildError, match=what) as caught:
        run(request(context, text, host), builder)
    assert caught.value.where == f"{context}/Dockerfile:{line}"
    assert caught.value.fix


def test_no_engine(context: Path, builder: Builder) -> None:
    environment = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    with pytest.raises(BuildError, match="engine does not answer"):
        run(request(context, BASE), builder, environment=environment)


def test_a_program_for_another_architecture(context: Path, builder: Builder) -> None:
    header = bytearray((context / "busybox").read_bytes())
    header[18:20] = (0xF3).to_bytes(2, "little")  # the ELF header's machine: RISC-V
    (context / "busybox").write_bytes(bytes(header))
    with pytest.raises(BuildError, match="a platform that this builder does not have"):
        run(request(context, BASE + "RUN echo never\n"), builder)


def test_too_slow_is_stopped(context: Path, builder: Builder) -> None:
    started = time.monotonic()
    with pytest.raises(BuildError, match="longer than 2 s"):
        run(request(context, BASE + _endless()), builder, timeout=2.0)
    assert time.monotonic() - started < 15
    assert not _children(str(builder.program))


def test_an_interrupt_leaves_no_process(context: Path, builder: Builder) -> None:
    def interrupt(line: str) -> None:
        if "RUN" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(
            request(context, BASE + _endless()),
            interrupt,
            builder=builder,
            logins=ANONYMOUS,
        )
    assert not _children(str(builder.program))


def _endless() -> str:
    """A step that takes a minute and was never cached."""
    return f"RUN : {time.time_ns()}; sleep 60\n"


def _children(program: str) -> list[str]:
    found = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True)
    mine = [line.split(None, 1) for line in found.stdout.splitlines()]
    return [args for ppid, args in mine if ppid == str(os.getpid()) and args.split()[0] == program]


class Liar(RegistryClient):
    """A registry in which somebody else's push came between."""

    def resolve(self, ref: Tagged | Pinned) -> Descriptor | None:
        return Descriptor(Digest("sha256:" + "0" * 64), 1, "x")


def test_another_digest_in_the_registry_is_a_failure(
    context: Path, host: str, builder: Builder
) -> None:
    asked = request(context, BASE, host, "liar")
    with pytest.raises(RegistryError, match="does not have what was pushed") as caught:
        run(asked, builder, registry=Liar(ANONYMOUS))
    assert "sha256:" + "0" * 64 in str(caught.value.why)


def test_a_push_with_a_login_that_docker_never_sees(
    context: Path, tmp_path: Path, builder: Builder
) -> None:
    own = tmp_path / "docker"
    own.mkdir()
    (own / "config.json").write_text(json.dumps({"auths": {}}))
    environment = {**os.environ, "DOCKER_CONFIG": str(own)}
    with token_server(tmp_path) as (tokens, realm):
        tokens.grants["app"] = "pull,push"
        auth = TOKEN_AUTH % {"realm": realm, "bundle": tokens.bundle}
        with registry(tmp_path, auth) as host:
            asked = request(context, BASE, host)
            with pytest.raises(DeployerError) as caught:
                run(asked, builder, environment=environment)
            assert isinstance(caught.value, AuthError)
            logins = StaticLogins({host: Basic("ann", Secret("right-password"))})
            lines: list[str] = []
            built = build(
                asked, lines.append, builder=builder, logins=logins, environment=environment
            )
            assert isinstance(built, Built)
    assert json.loads((own / "config.json").read_text()) == {"auths": {}}


def test_a_socket_in_the_context_is_refused(context: Path) -> None:
    (context / "Dockerfile").write_text(BASE)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(context / "s"))
        with pytest.raises(BuildError, match="a socket in the build context"):
            read_context(context)


IGNORES = [
    "**/*.md\n!README.md\n",
    "*\n!src\n!busybox\nsrc/**/tmp\n",
    "src/*/x?\n# comment\n  deep/**  \n!deep/1/keep\n",
    "[a-c]*\n!b/c\n/.dockerignore\n!busybox\n",
    "**/x1\nsrc\n!src/b/*.md\n",
]


@pytest.mark.parametrize("ignore", IGNORES)
def test_the_context_is_what_the_builder_sees(
    context: Path, old_client: Builder, engine: None, ignore: str
) -> None:
    for name in ("README.md", "a/1", "b/c", "b/d.md", "src/a/x1", "src/b/n.md", "src/b/tmp/t",
                 "deep/1/keep", "deep/2", "deep/a/b/keep", ".hidden", "c1"):  # fmt: skip
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_text("x")
    (context / "link").symlink_to("src/a")
    (context / ".dockerignore").write_text(ignore)
    text = BASE + "COPY . /context/\nRUN cd /context && find . ! -type d | sort | sed s/^/@/\n"
    # a step's output is shown only when it runs
    text += f"LABEL x={time.time_ns()}\n"
    asked = request(context, text.replace("RUN ", f"RUN : {time.time_ns()}; "))
    _, lines = run(asked, old_client)
    seen = {line.strip()[3:] for line in lines if line.strip().startswith("@./")}
    ours = {e.path for e in read_context(context).entries if e.mode & 0o170000 != 0o040000}
    # the builder always has these two, but an ignored one is not copied
    assert ours == seen
    assert seen
