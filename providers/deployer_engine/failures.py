"""Everything the Docker SDK raises, in deployer's own words. The only place that knows both."""

from __future__ import annotations

import errno
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from deployer.errors import (
    AuthError,
    BuildError,
    ConfigError,
    Conflict,
    Denied,
    DeployerError,
    PreflightError,
    RolloutFailed,
    Transient,
)


class Missing(PreflightError):
    """The engine has no such container, image, network or volume (its answer was 404)."""

    code = "missing"


class PortTaken(PreflightError):
    """The address and port to publish on are in use. `published` is what was asked for."""

    code = "port-taken"


@contextmanager
def translated(where: str, *, first: bool = False) -> Iterator[None]:
    """Run the block; whatever the SDK raises leaves as one of deployer's errors at `where`.

    Raises: Missing (404), Conflict (409), AuthError and Denied (401, 403, the socket's
    permissions), PortTaken, PreflightError (refused request; unreachable engine at the `first`
    contact), Transient (5xx, timeouts, resets; an engine that went away: it may be restarting).
    Errors that are ours already pass unchanged.
    """
    from docker.errors import DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except DeployerError:
        raise
    except (DockerException, RequestException, HTTPError, OSError) as error:
        raise sentence(error, where, first=first) from error


def sentence(error: BaseException, where: str, *, first: bool = False) -> DeployerError:
    """The error of ours that says what `error`, raised by the SDK at `where`, means."""
    from docker.errors import APIError

    if isinstance(error, APIError):
        return _refused(error.status_code or 0, _text(error), where)
    for kind, make in _kinds().items():
        if isinstance(error, kind):
            return make(_text(error), where)
    return _unreachable(error, where, first)


def holds_no_space(text: str) -> bool:
    """Whether the engine says that its disk is full."""
    return "no space left on device" in text.lower()


def taken_port(text: str) -> int | None:
    """The port that the engine could not bind because somebody has it, else None.

    Two wordings: another container (`Bind for 127.0.0.1:80 failed: port is already
    allocated`), or another process (`listen tcp4 127.0.0.1:80: bind: address already in use`).
    """
    found = re.search(
        r":(\d+)(?: failed: port is already allocated|: bind: address already)", text
    )
    return int(found[1]) if found else None


def _kinds() -> dict[type[BaseException], _Make]:
    """SDK classes that are not answers of the engine, most special first."""
    from docker import errors as sdk

    return {
        sdk.BuildError: _build,
        sdk.ImageLoadError: _build,
        sdk.ContainerError: _container,
        sdk.TLSParameterError: _settings,
        sdk.ContextException: _settings,
        sdk.ContextNotFound: _settings,
        sdk.ContextAlreadyExists: _settings,
        sdk.MissingContextParameter: _settings,
        sdk.InvalidConfigFile: _settings,
        sdk.InvalidVersion: _settings,
        sdk.InvalidArgument: _bug,
        sdk.InvalidRepository: _bug,
        sdk.NullResource: _bug,
        sdk.DeprecatedMethod: _bug,
        sdk.StreamParseError: _garbled,
    }


class _Make:
    """A constructor of one of our errors: text and place in, error out."""

    def __init__(self, kind: type[DeployerError], what: str, fix: str | None = None) -> None:
        self._kind, self._what, self._fix = kind, what, fix

    def __call__(self, text: str, where: str) -> DeployerError:
        return self._kind(self._what, where=where, why=text, fix=self._fix)


_LOOK = "run the same command again; `docker info` shows whether the engine is well"
_NOBODY = {
    errno.ENOENT: "its socket does not exist: it is not running, or is somewhere else",
    errno.ECONNREFUSED: "the connection was refused: it is not running, or is somewhere else",
    socket.EAI_NONAME: "there is no host of that name",
}
_CONTEXT_FIX = "docker context ls; docker context use default; or set DOCKER_HOST"
_build = _Make(BuildError, "the engine could not make the image")
_container = _Make(RolloutFailed, "a container ended with an error")
_settings = _Make(ConfigError, "the settings to reach the Docker engine are wrong", _CONTEXT_FIX)
_bug = _Make(DeployerError, "deployer asked the Docker SDK for something it does not do")
_nonsense = _Make(Transient, "what answers does not speak as a Docker engine does", _LOOK)
_garbled = _Make(Transient, "the engine's answer was cut short", "run the same command again")


def _refused(status: int, text: str, where: str) -> DeployerError:
    """An answer of the engine that is not a success."""
    if holds_no_space(text):
        fix = "free space on the engine's disk (docker system df shows what uses it)"
        return PreflightError("the engine's disk is full", where=where, why=text, fix=fix)
    if port := taken_port(text):
        return PortTaken(f"port {port} is already in use", where=where, why=text)
    if "address pool" in text:  # a 404, of all things
        return _NO_ADDRESSES(text, where)
    if "is ambiguous" in text:  # two networks of one name, made at the same moment
        return _AMBIGUOUS(text, where)
    make = _STATUS.get(status) or (_BROKEN if status >= 500 or not status else _REJECTED)
    return make(text, where)


_STATUS = {
    401: _Make(AuthError, "the engine asks for credentials", "docker login"),
    403: _Make(Denied, "the engine does not allow this"),
    404: _Make(Missing, "the engine does not know this object"),
    408: _Make(Transient, "the engine timed out", "run the same command again"),
    409: _Make(Conflict, "the engine's object is in another state than expected"),
    429: _Make(Transient, "the engine is throttled", "run the same command again later"),
}
_REJECTED = _Make(PreflightError, "the engine refused the request")
_NO_ADDRESSES = _Make(
    PreflightError,
    "the engine has no addresses left for another network",
    "docker network prune, or give the engine more default-address-pools",
)
_AMBIGUOUS = _Make(Transient, "another deployment is making the same network")
_BROKEN = _Make(Transient, "the engine failed", "run the same command again")


def _unreachable(error: BaseException, where: str, first: bool) -> DeployerError:
    """No answer at all: the transport failed. The cause decides whether waiting can help."""
    text, number = _text(error), _errno(error)
    if number in (errno.EACCES, errno.EPERM):
        fix = "sudo usermod -aG docker $USER, then log in again"
        return Denied("no permission on the Docker socket", where=where, why=text, fix=fix)
    if why := _NOBODY.get(number or 0):
        what = "no Docker engine answers" if first else "the Docker engine went away"
        kind = PreflightError if first else Transient
        return kind(what, where=where, why=why, fix=_start_docker())
    if any(sign in text for sign in ("BadStatusLine", "Expecting value", "JSON")):
        return _nonsense(_innermost(error), where)
    if "Read timed out" in text:
        what, why = "the engine does not answer", "it took the request, and then said nothing"
        return Transient(what, where=where, why=why, fix=_LOOK)
    if number is None and _unusable(error):
        return _settings(text, where)
    why = _innermost(error)
    return Transient("the connection to the engine broke", where=where, why=why, fix=_LOOK)


def _unusable(error: BaseException) -> bool:
    """Whether the SDK refused the address before it tried it: nothing else has no cause."""
    from docker.errors import DockerException

    return type(error) is DockerException and not error.__context__


def _start_docker() -> str:
    if sys.platform == "darwin":
        return "start Docker Desktop (open -a Docker), or set DOCKER_HOST"
    if sys.platform == "win32":
        return "start Docker Desktop, or set DOCKER_HOST"
    return "sudo systemctl start docker, or set DOCKER_HOST"


def _errno(error: BaseException) -> int | None:
    """The operating system's error number. The SDK wraps it several layers deep, in causes,
    contexts and arguments alike; requests' own errors are OSErrors with a text for a number."""
    seen: set[int] = set()
    queue: list[object] = [error]
    while queue:
        item = queue.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, OSError) and isinstance(item.errno, int):
            return item.errno
        queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return None


def _innermost(error: BaseException) -> str:
    """The text of the exception that all others are wrapped around, without Python's brackets."""
    inner = next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    return _innermost(inner) if inner else f"{type(error).__name__}: {_text(error)}"


def _text(error: BaseException) -> str:
    """The engine's own explanation where there is one, else the exception's text, one line."""
    explanation = getattr(error, "explanation", None)
    if isinstance(explanation, bytes):
        explanation = explanation.decode(errors="replace")
    return " ".join(str(explanation or error or type(error).__name__).split())
