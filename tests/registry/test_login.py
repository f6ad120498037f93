from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from deployer.errors import AuthError, ConfigError
from deployer.registry.login import (
    Basic,
    DockerConfigLogins,
    FirstOf,
    IdentityToken,
    StaticLogins,
)
from deployer.secret import Secret

HELPER = """#!/bin/sh
read server
case "$server" in
  known.example) echo '{"Username":"ann","Secret":"helper-password"}';;
  token.example) echo '{"Username":"<token>","Secret":"identity-token"}';;
  https://index.docker.io/v1/) echo '{"Username":"hub","Secret":"hub-password"}';;
  broken.example) echo "keychain is locked" >&2; exit 1;;
  odd.example) echo "not json";;
  *) echo "credentials not found in native keychain"; exit 1;;
esac
"""


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def docker(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    return {"DOCKER_CONFIG": str(tmp_path), "PATH": path, "HOME": str(tmp_path / "none")}


def config(docker: dict[str, str], **content: object) -> DockerConfigLogins:
    (Path(docker["DOCKER_CONFIG"]) / "config.json").write_text(json.dumps(content))
    return DockerConfigLogins(docker)


def test_nothing_there_is_anonymous(docker: dict[str, str]) -> None:
    assert DockerConfigLogins(docker).credentials("r.example") is None


@pytest.mark.parametrize("key", ["r.example", "https://r.example", "https://r.example/v1/"])
def test_auths_in_each_spelling(docker: dict[str, str], key: str) -> None:
    logins = config(docker, auths={key: auth("ann", "colon:in:password")})
    assert logins.credentials("r.example") == Basic("ann", Secret("colon:in:password"))
    assert logins.credentials("other.example") is None


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io"])
def test_docker_hub_by_its_old_name(docker: dict[str, str], host: str) -> None:
    logins = config(docker, auths={"https://index.docker.io/v1/": auth("hub", "password1")})
    assert logins.credentials(host) == Basic("hub", Secret("password1"))
    assert config(docker, credsStore="test").credentials(host) == Basic(
        "hub", Secret("hub-password")
    )


def test_an_identity_token(docker: dict[str, str]) -> None:
    entry = {**auth("x", ""), "identitytoken": "identity-token"}
    logins = config(docker, auths={"r.example": entry})
    assert logins.credentials("r.example") == IdentityToken(Secret("identity-token"))


def test_helpers_win_over_the_store_and_the_file(docker: dict[str, str]) -> None:
    logins = config(
        docker,
        credHelpers={"known.example": "test"},
        credsStore="missing",
        auths={"known.example": auth("file", "file-password")},
    )
    assert logins.credentials("known.example") == Basic("ann", Secret("helper-password"))
    with pytest.raises(AuthError, match="docker-credential-missing"):
        logins.credentials("r.example")


def test_a_store_that_knows_nothing_leaves_the_file(docker: dict[str, str]) -> None:
    logins = config(docker, credsStore="test", auths={"r.example": auth("ann", "password1")})
    assert logins.credentials("r.example") == Basic("ann", Secret("password1"))
    assert logins.credentials("token.example") == IdentityToken(Secret("identity-token"))


@pytest.mark.parametrize(
    ("host", "why"), [("broken.example", "keychain is locked"), ("odd.example", "expected JSON")]
)
def test_a_helper_that_fails(docker: dict[str, str], host: str, why: str) -> None:
    with pytest.raises(AuthError, match="failed") as caught:
        config(docker, credsStore="test").credentials(host)
    assert why in " ".join(caught.value.evidence)
    assert "docker-credential-test get" in str(caught.value.fix)


def test_the_variable_wins(docker: dict[str, str]) -> None:
    text = json.dumps({"auths": {"r.example": auth("ci", "ci-password")}})
    docker["DOCKER_AUTH_CONFIG"] = text
    logins = config(docker, auths={"r.example": auth("ann", "password1")})
    assert logins.credentials("r.example") == Basic("ci", Secret("ci-password"))


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_file_is_named(docker: dict[str, str], text: str) -> None:
    file = Path(docker["DOCKER_CONFIG"]) / "config.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        DockerConfigLogins(docker).credentials("r.example")
    assert caught.value.where == str(file)


def test_a_broken_login_is_named(docker: dict[str, str]) -> None:
    with pytest.raises(AuthError, match="broken") as caught:
        config(docker, auths={"r.example": {"auth": "%%%"}}).credentials("r.example")
    assert caught.value.fix == "log in again: docker login r.example"


def test_a_cloud_is_asked_each_time_and_first() -> None:
    passwords = iter(["first-password", "second-password"])
    cloud = StaticLogins({"r.example": lambda: Basic("AWS", Secret(next(passwords)))})
    both = FirstOf(cloud, StaticLogins({"o.example": Basic("ann", Secret("password1"))}))
    assert both.credentials("r.example") == Basic("AWS", Secret("first-password"))
    assert both.credentials("r.example") == Basic("AWS", Secret("second-password"))
    assert both.credentials("o.example") == Basic("ann", Secret("password1"))
    assert both.credentials("x.example") is None
