"""Finding the engine, and the SDK's errors in our words. No engine."""

from __future__ import annotations

import errno
import gc
import hashlib
import inspect
import json
from pathlib import Path

import docker.errors
import pytest
import requests

from deployer.errors import (
    AuthError,
    ConfigError,
    Conflict,
    Denied,
    DeployerError,
    PreflightError,
    Transient,
)
from deployer_engine import failures
from deployer_engine.client import connect, endpoint, translated
from deployer_engine.failures import Missing, PortTaken

SDK_ERRORS = [
    kind
    for kind in vars(docker.errors).values()
    if inspect.isclass(kind) and issubclass(kind, Exception)
]
BASES = {docker.errors.DockerException, docker.errors.APIError}


@pytest.mark.parametrize("kind", SDK_ERRORS)
def test_every_error_of_the_sdk_is_mapped(kind: type[Exception]) -> None:
    answers = issubclass(kind, docker.errors.APIError)
    assert answers or kind in BASES or kind in failures._kinds()


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, "", AuthError),
        (403, "", Denied),
        (404, "No such container: x", Missing),
        (409, "is not running", Conflict),
        (400, "bad parameter", PreflightError),
        (429, "", Transient),
        (500, "", Transient),
        (503, "", Transient),
        (500, "write /x: no space left on device", PreflightError),
        (500, "Bind for 127.0.0.1:80 failed: port is already allocated", PortTaken),
        (500, "listen tcp4 127.0.0.1:80: bind: address already in use", PortTaken),
    ],
)
def test_answers_of_the_engine(status: int, text: str, kind: type[DeployerError]) -> None:
    answer = requests.Response()
    answer.status_code = status
    with pytest.raises(kind) as caught, translated("container x"):
        raise docker.errors.APIError("refused", answer, text)
    assert type(caught.value) is kind
    assert caught.value.where == "container x"


@pytest.mark.parametrize(
    ("number", "kind", "fix"),
    [
        (errno.EACCES, Denied, "usermod -aG docker"),
        (errno.ENOENT, PreflightError, "DOCKER_HOST"),
        (errno.ECONNREFUSED, PreflightError, "DOCKER_HOST"),
        (errno.ECONNRESET, Transient, ""),
    ],
)
def test_an_engine_out_of_reach(number: int, kind: type[DeployerError], fix: str) -> None:
    cause = requests.ConnectionError("Connection aborted.", OSError(number, "no"))
    with pytest.raises(kind) as caught, translated("engine", first=True):
        raise docker.errors.DockerException(f"Error while fetching: {cause}") from cause
    assert fix in (caught.value.fix or "")


def test_a_timeout_passes_and_our_own_errors_stay() -> None:
    with pytest.raises(Transient), translated("engine"):
        raise requests.ReadTimeout("60 s")
    mine = Conflict("mine")
    with pytest.raises(Conflict) as caught, translated("engine"):
        raise mine
    assert caught.value is mine


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="no Docker engine answers"):
        connect(f"unix://{tmp_path}/none.sock")
    gc.collect()  # the SDK leaves its socket open when it cannot connect


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    key = hashlib.sha256(b"desk").hexdigest()
    meta = tmp_path / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    content = {"Name": "desk", "Endpoints": {"docker": {"Host": "unix:///desk.sock"}}}
    (meta / "meta.json").write_text(json.dumps(content))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "desk"}))
    return {"DOCKER_CONFIG": str(tmp_path)}


def test_the_order_of_precedence(settings: dict[str, str]) -> None:
    assert endpoint(None, settings).host == "unix:///desk.sock"
    assert endpoint(None, {**settings, "DOCKER_CONTEXT": "default"}).host is None
    assert endpoint(None, {**settings, "DOCKER_HOST": "tcp://h:1"}).host == "tcp://h:1"
    assert endpoint("tcp://x:1", {**settings, "DOCKER_HOST": "tcp://h:1"}).host == "tcp://x:1"


def test_a_context_that_is_gone_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="'gone'"):
        endpoint(None, {**settings, "DOCKER_CONTEXT": "gone"})
    (Path(settings["DOCKER_CONFIG"]) / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="unreadable"):
        endpoint(None, settings)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ECONNREFUSED])
def test_an_engine_that_was_there_may_come_back(number: int) -> None:
    with pytest.raises(Transient, match="went away"), translated("engine"):
        raise ConnectionError(number, "gone")
