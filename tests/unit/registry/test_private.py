from __future__ import annotations

import base64
import hashlib
import json
import stat
from pathlib import Path

import pytest

from deployer.errors import ConfigError
from deployer.registry.login import Basic, IdentityToken, StaticLogins
from deployer.registry.private import private_config
from deployer.secret import Secret

OURS = StaticLogins({"r.example": Basic("AWS", Secret("cloud-password"))})


@pytest.fixture
def user(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "cli-plugins").mkdir()
    (tmp_path / "cli-plugins" / "docker-x").write_text("x")
    return {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path), "PATH": "/bin"}


def write(user: dict[str, str], **content: object) -> Path:
    file = Path(user["DOCKER_CONFIG"]) / "config.json"
    file.write_text(json.dumps(content))
    return file


def test_ours_is_in_it_and_the_users_is_untouched(user: dict[str, str]) -> None:
    file = write(user, auths={"r.example": {"auth": "b2xk"}, "o.example": {"auth": "eDp5"}})
    before = file.read_bytes()
    with private_config(["r.example"], OURS, user) as private:
        config = json.loads((private.folder / "config.json").read_text())
        assert private.environment["DOCKER_CONFIG"] == str(private.folder)
        assert stat.S_IMODE(private.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((private.folder / "config.json").stat().st_mode) == 0o600
        assert (private.folder / "cli-plugins" / "docker-x").read_text() == "x"
    assert base64.b64decode(config["auths"]["r.example"]["auth"]) == b"AWS:cloud-password"
    assert config["auths"]["o.example"] == {"auth": "eDp5"}
    assert file.read_bytes() == before
    assert not private.folder.exists()


def test_it_is_gone_after_a_failure(user: dict[str, str]) -> None:
    with pytest.raises(KeyboardInterrupt), private_config(["r.example"], OURS, user) as private:
        raise KeyboardInterrupt
    assert not private.folder.exists()


def test_a_store_becomes_helpers_so_that_ours_is_seen(user: dict[str, str]) -> None:
    write(
        user,
        credsStore="desktop",
        credHelpers={"h.example": "gcloud"},
        auths={"r.example": {}, "base.example": {}},
        HttpHeaders={"X": "1"},
    )
    with private_config(["r.example"], OURS, user) as private:
        config = json.loads((private.folder / "config.json").read_text())
    assert "credsStore" not in config
    assert config["credHelpers"] == {"base.example": "desktop", "h.example": "gcloud"}
    assert config["HttpHeaders"] == {"X": "1"}


def test_the_variable_is_folded_in(user: dict[str, str]) -> None:
    inline = {"auths": {"r.example": {"auth": "b2xk"}, "ci.example": {"auth": "eDp5"}}}
    user["DOCKER_AUTH_CONFIG"] = json.dumps(inline)
    with private_config(["r.example"], OURS, user) as private:
        config = json.loads((private.folder / "config.json").read_text())
        assert "DOCKER_AUTH_CONFIG" not in private.environment
    assert config["auths"]["ci.example"] == {"auth": "eDp5"}
    assert base64.b64decode(config["auths"]["r.example"]["auth"]) == b"AWS:cloud-password"


def test_hub_and_identity_tokens_as_docker_spells_them(user: dict[str, str]) -> None:
    logins = StaticLogins({"registry-1.docker.io": IdentityToken(Secret("identity-token"))})
    with private_config(["registry-1.docker.io"], logins, user) as private:
        config = json.loads((private.folder / "config.json").read_text())
    assert config["auths"]["https://index.docker.io/v1/"]["identitytoken"] == "identity-token"


def test_the_current_context_becomes_a_host(user: dict[str, str]) -> None:
    write(user, currentContext="remote")
    key = hashlib.sha256(b"remote").hexdigest()
    meta = Path(user["DOCKER_CONFIG"]) / "contexts" / "meta" / key
    meta.mkdir(parents=True)
    endpoint = {"Endpoints": {"docker": {"Host": "ssh://there"}}}
    (meta / "meta.json").write_text(json.dumps(endpoint))
    tls = Path(user["DOCKER_CONFIG"]) / "contexts" / "tls" / key / "docker"
    tls.mkdir(parents=True)
    with private_config([], OURS, user) as private:
        assert private.environment["DOCKER_HOST"] == "ssh://there"
        assert private.environment["DOCKER_CERT_PATH"] == str(tls)
    with private_config([], OURS, {**user, "DOCKER_HOST": "unix:///mine"}) as private:
        assert private.environment["DOCKER_HOST"] == "unix:///mine"
    with (
        pytest.raises(ConfigError, match="context `gone` does not exist"),
        private_config([], OURS, {**user, "DOCKER_CONTEXT": "gone"}),
    ):
        pass


def test_buildx_keeps_its_state(user: dict[str, str]) -> None:
    with private_config([], OURS, user) as private:
        assert private.environment["BUILDX_CONFIG"] == f"{user['DOCKER_CONFIG']}/buildx"
