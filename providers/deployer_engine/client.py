"""The Docker engine: found the way `docker` finds it, and spoken to without surprises."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.errors import ConfigError, Transient
from deployer_engine.failures import Missing, PortTaken, translated

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["Engine", "Missing", "Output", "PortTaken", "connect", "endpoint", "tar", "translated"]

TIMEOUT = 60  # seconds for one answer; pulls and builds stream, so they are not cut by it


@dataclass(frozen=True)
class Endpoint:
    """Where an engine is: its address, the context that named it, and its TLS folder."""

    host: str | None
    context: str | None = None
    tls: Path | None = None
    verify: bool = True


@dataclass(frozen=True)
class Output:
    """What a command in a container left: exit status and both streams."""

    code: int
    stdout: bytes
    stderr: bytes


class Engine:
    """One connection to an engine. A context manager.

    `sdk` is the Docker SDK's client; `api` its lower level, untyped on purpose: the stubs
    contradict the SDK for half of what is used here.
    """

    def __init__(self, sdk: DockerClient, name: str) -> None:
        self.sdk = sdk
        self.api: Any = sdk.api
        self.name = name

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back. Harmless to repeat."""
        self.sdk.close()

    def run(
        self, container: str, command: list[str], stdin: bytes = b"", user: str = "0"
    ) -> Output:
        """Run `command` in a running container and wait for its end.

        `stdin` is written whole; the command must read it by length, since a connection over
        TLS has no half-close that would end it. Raises Missing, Conflict (not running).
        """
        with translated(f"container {container}"):
            made = self.api.exec_create(container, command, stdin=bool(stdin), user=user)
            out, err = self._attach(made["Id"], stdin)
            code = self.api.exec_inspect(made["Id"])["ExitCode"]
        if code is None:
            raise Transient("a command in a container lost its connection", where=container)
        return Output(code, out, err)

    def put(self, container: str, folder: str, files: Mapping[str, bytes | Path]) -> None:
        """Write files into a container, running or not. A `Path` value makes a symbolic link.

        Owned by root and readable by every process of the container. `folder` must exist.
        """
        with translated(f"container {container}"):
            self.api.put_archive(container, folder, tar(files))

    def get(self, container: str, path: str) -> dict[str, bytes] | None:
        """The files at `path` of a container, running or not: relative name to content.

        None if there is no such path. Raises Missing if there is no such container.
        """
        from docker.errors import NotFound

        with translated(f"container {container}"):
            try:
                chunks, _ = self.api.get_archive(container, path)
                return _untar(b"".join(chunks))
            except NotFound:
                self.api.inspect_container(container)  # raises if it is the one missing
                return None

    def now(self) -> float:
        """The engine host's clock, in seconds since 1970 (one request, no container)."""
        with translated(self.name):
            text: str = self.api.info()["SystemTime"]
        return datetime.fromisoformat(text).timestamp()

    def _attach(self, exec_id: str, stdin: bytes) -> tuple[bytes, bytes]:
        from docker.utils import socket as frames

        stream = self.api.exec_start(exec_id, socket=True)
        try:
            raw = getattr(stream, "_sock", stream)
            with suppress(BrokenPipeError, ConnectionResetError):  # it ended: its status tells
                raw.sendall(stdin)
            out, err = bytearray(), bytearray()
            for frame in frames.frames_iter(stream, tty=False):  # type: ignore[no-untyped-call]
                stdout, stderr = frames.demux_adaptor(*frame)
                out += stdout or b""
                err += stderr or b""
        finally:
            stream.close()
            raw.close()  # the SDK keeps the connection open otherwise
        return bytes(out), bytes(err)


def connect(host: str | None = None) -> Engine:
    """The engine at `host`, else where DOCKER_HOST, the docker context or the default says.

    Raises PreflightError (no engine answers), Denied (socket permissions), ConfigError.
    """
    found = endpoint(host, os.environ)
    name = f"Docker engine at {found.host or 'the default socket'}"
    with translated(name, first=True):
        from docker import DockerClient

        options = _options(found, os.environ)
        return Engine(DockerClient(version="auto", timeout=TIMEOUT, **options), name)


def tar(files: Mapping[str, bytes | Path], mode: int = 0o644) -> bytes:
    """The files as an archive, owned by root. A `Path` value makes a symbolic link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = mode
            if isinstance(content, Path):
                entry.type, entry.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def endpoint(host: str | None, environ: Mapping[str, str]) -> Endpoint:
    """Where the engine is, in the docker command's own order of precedence.

    An explicit host, DOCKER_HOST, DOCKER_CONTEXT, then `currentContext` of config.json.
    Raises ConfigError where a context is named that does not exist.
    """
    if host or environ.get("DOCKER_HOST"):
        return Endpoint(host or environ["DOCKER_HOST"])
    folder = Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _json(folder / "config.json").get("currentContext")
    if not name or name == "default":
        return Endpoint(None)
    return _context(folder, str(name))


def _context(folder: Path, name: str) -> Endpoint:
    """A context's endpoint. Its files lie under the SHA-256 of its name (docker/cli's store)."""
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _json(folder / "contexts" / "meta" / key / "meta.json")
    docker: dict[str, Any] = meta.get("Endpoints", {}).get("docker", {})
    if not docker.get("Host"):
        raise ConfigError(
            f"docker context {name!r} does not exist",
            where=str(folder),
            fix="docker context ls; docker context use default",
        )
    tls = folder / "contexts" / "tls" / key / "docker"
    verify = not docker.get("SkipTLSVerify", False)
    return Endpoint(docker["Host"], name, tls if tls.is_dir() else None, verify)


def _options(found: Endpoint, environ: Mapping[str, str]) -> dict[str, Any]:
    from docker.tls import TLSConfig
    from docker.utils import kwargs_from_env

    if found.context is None:
        hosted = {**environ, "DOCKER_HOST": found.host} if found.host else dict(environ)
        return dict(kwargs_from_env(hosted))
    options: dict[str, Any] = {"base_url": found.host}
    if str(found.host).startswith("ssh://"):
        options["use_ssh_client"] = True
    if tls := found.tls:
        pair = (str(tls / "cert.pem"), str(tls / "key.pem"))
        options["tls"] = TLSConfig(
            client_cert=pair if (tls / "cert.pem").exists() else None,
            ca_cert=str(tls / "ca.pem") if (tls / "ca.pem").exists() else None,
            verify=found.verify,
        )
    return options


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError("a docker settings file is unreadable", where=str(path)) from error
    return value if isinstance(value, dict) else {}


def _untar(data: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            body = archive.extractfile(entry) if entry.isfile() else None
            if body is not None:
                found[entry.name] = body.read()
    return found
