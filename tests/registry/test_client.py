"""The client against a real registry: digests, absence, tags, logins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from deployer.errors import AuthError, ConfigError, Denied, RegistryError
from deployer.registry.client import RegistryClient
from deployer.registry.login import Basic, Credential, IdentityToken, StaticLogins
from deployer.registry.reference import Digest, Repository, Tagged
from deployer.secret import Secret
from tests.registry.servers import (
    TOKEN_AUTH,
    TokenServer,
    push,
    put_manifest,
    registry,
    token_server,
)

ANN = Basic("ann", Secret("right-password"))
NOBODY = StaticLogins({})


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def client() -> RegistryClient:
    return RegistryClient(NOBODY)


def test_a_tag_resolves_to_the_digest_of_its_bytes(
    open_registry: str, client: RegistryClient
) -> None:
    digest = push(open_registry, "team/app", "one")
    found = client.resolve(Repository(open_registry, "team/app").tagged("one"))
    assert found is not None
    assert found.digest == digest
    assert found.media_type == "application/vnd.oci.image.manifest.v1+json"
    manifest = client.manifest(Repository(open_registry, "team/app").pinned(digest))
    assert len(manifest.raw) == found.size


@pytest.mark.parametrize("path", ["team/app", "never/heard-of"])
def test_what_is_not_there_is_none(open_registry: str, client: RegistryClient, path: str) -> None:
    push(open_registry, "team/app", "one")
    assert client.resolve(Repository(open_registry, path).tagged("absent")) is None
    absent = Repository(open_registry, path).pinned("sha256:" + "0" * 64)
    assert client.resolve(absent) is None
    with pytest.raises(RegistryError, match=r"not in the registry|does not exist"):
        client.manifest(absent)


def test_a_new_tag_has_the_same_bytes(open_registry: str, client: RegistryClient) -> None:
    repository = Repository(open_registry, "team/tags")
    old = push(open_registry, "team/tags", "one")
    new = push(open_registry, "team/tags", "two", architecture="arm64")
    assert old != new
    name = client.tag(repository.pinned(old), "release")
    assert name == Tagged(repository, "release")
    assert client.manifest(name).descriptor.digest == old
    client.tag(repository.pinned(new), "release")
    assert client.manifest(name).descriptor.digest == new


def test_an_image_says_what_it_is(open_registry: str, client: RegistryClient) -> None:
    push(open_registry, "team/facts", "one")
    facts = client.image_config(Repository(open_registry, "team/facts").tagged("one"))
    assert facts.platform == "linux/amd64"
    assert facts.ports == (8000,)
    assert (facts.user, facts.command, facts.labels) == ("app", ("serve",), {"a": "b"})


def test_an_index_gives_the_asked_platform(open_registry: str, client: RegistryClient) -> None:
    repository = Repository(open_registry, "team/index")
    children = []
    for architecture in ("amd64", "arm64"):
        digest = push(open_registry, "team/index", architecture, architecture=architecture)
        size = len(client.manifest(repository.pinned(digest)).raw)
        children.append(
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest,
                "size": size,
                "platform": {"os": "linux", "architecture": architecture},
            }
        )
    index: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": children,
    }
    digest = put_manifest(urllib3.PoolManager(), open_registry, "team/index", "all", index)
    found = client.resolve(repository.tagged("all"))
    assert found is not None
    assert (found.digest, found.is_index) == (digest, True)
    assert client.image_config(repository.tagged("all"), "linux/arm64").architecture == "arm64"
    with pytest.raises(RegistryError, match="not built for linux/s390x"):
        client.image_config(repository.tagged("all"), "linux/s390x")


def test_a_blob_is_there_or_not(open_registry: str, client: RegistryClient) -> None:
    repository = Repository(open_registry, "team/blobs")
    digest = push(open_registry, "team/blobs", "one")
    config = client.manifest(repository.pinned(digest)).config
    assert client.has_blob(repository, config.digest)
    assert not client.has_blob(repository, Digest("sha256:" + "1" * 64))
    assert json.loads(client.blob(repository, config))["architecture"] == "amd64"


def test_a_push_can_be_checked_without_leaving_anything(
    open_registry: str, client: RegistryClient
) -> None:
    repository = Repository(open_registry, "team/probe")
    client.check_push(repository)
    assert client.resolve(repository.tagged("any")) is None


def test_a_wrong_tag_never_leaves(open_registry: str, client: RegistryClient) -> None:
    digest = push(open_registry, "team/app", "one")
    with pytest.raises(ConfigError, match="is not a tag"):
        client.tag(Repository(open_registry, "team/app").pinned(digest), "a b")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, TokenServer]]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    with token_server(folder) as (tokens, realm):
        auth = TOKEN_AUTH % {"realm": realm, "bundle": tokens.bundle}
        with registry(folder, auth) as host:
            tokens.grants |= {"team/app": "pull,push", "team/read": "pull"}
            scope = "repository:team/app:pull,push"
            bearer = f"Bearer {tokens.token(scope, known=True)}"
            push(host, "team/app", "one", authorization=bearer)
            yield host, tokens


@pytest.mark.parametrize("credential", [ANN, IdentityToken(Secret("refresh-me"))])
def test_a_login_becomes_one_token_per_scope(
    guarded: tuple[str, TokenServer], credential: Credential
) -> None:
    host, tokens = guarded
    tokens.seen.clear()
    client = RegistryClient(StaticLogins({host: credential}))
    name = Repository(host, "team/app").tagged("one")
    for _ in range(3):
        assert client.resolve(name) is not None
    assert [each["scope"] for each in tokens.seen] == ["repository:team/app:pull"]
    client.check_push(name.repository)
    assert len(tokens.seen) == 2


def test_an_expired_token_is_fetched_again(guarded: tuple[str, TokenServer]) -> None:
    host, tokens = guarded
    tokens.seen.clear()
    asked: list[int] = []

    def login() -> Credential:
        asked.append(1)
        return ANN

    clock = [0.0]
    client = RegistryClient(StaticLogins({host: login}))
    client._auth._clock = lambda: clock[0]
    name = Repository(host, "team/app").tagged("one")
    client.resolve(name)
    clock[0] = tokens.seconds + 1.0
    client.resolve(name)
    assert (len(tokens.seen), len(asked)) == (2, 2)


def test_no_login_says_how_to_get_one(guarded: tuple[str, TokenServer]) -> None:
    host, _ = guarded
    with pytest.raises(AuthError, match="no credentials") as caught:
        RegistryClient(NOBODY).resolve(Repository(host, "team/app").tagged("one"))
    assert caught.value.fix == f"docker login {host}"


def test_a_wrong_password_is_not_a_missing_permission(
    guarded: tuple[str, TokenServer],
) -> None:
    host, _ = guarded
    wrong = StaticLogins({host: Basic("ann", Secret("wrong-password"))})
    with pytest.raises(AuthError, match="refused the credentials") as caught:
        RegistryClient(wrong).resolve(Repository(host, "team/app").tagged("one"))
    assert not isinstance(caught.value, Denied)


def test_a_missing_permission_is_denied(guarded: tuple[str, TokenServer]) -> None:
    host, _ = guarded
    client = RegistryClient(StaticLogins({host: ANN}))
    with pytest.raises(Denied, match="does not let this account") as caught:
        client.check_push(Repository(host, "team/read"))
    assert caught.value.exit_code == 8
