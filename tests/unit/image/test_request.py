from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import BuildError, ConfigError
from deployer.image.builder import Builder, Kind
from deployer.image.request import BuildRequest, arguments, check_request
from deployer.registry.reference import Repository
from deployer.secret import Secret

BUILDX = Builder(Kind.BUILDX, Path("/p/docker-buildx"), "0.13.1", Path("/bin/docker"))
CLI = Builder(Kind.CLI, Path("/bin/docker"), "20.10.24", Path("/bin/docker"))
REPOSITORY = Repository("r.example", "team/app")
FULL = BuildRequest(
    context=Path("/c"),
    dockerfile=Path("deploy/Dockerfile"),
    tags=(REPOSITORY.tagged("one"), REPOSITORY.tagged("two")),
    target="runtime",
    platform="linux/amd64",
    args={"VERSION": "1 2"},
    labels={"a": "b"},
    secrets={"pip": Secret("very-secret-value")},
    ssh=("default",),
    cache_from=("type=registry,ref=x",),
    source_date_epoch=1700000000,
)


def test_a_full_build_with_buildx() -> None:
    assert arguments(FULL, BUILDX, Path("/s")) == [
        "/p/docker-buildx",
        "build",
        "--progress=plain",
        "--file=/c/deploy/Dockerfile",
        "--target=runtime",
        "--platform=linux/amd64",
        "--build-arg=SOURCE_DATE_EPOCH=1700000000",
        "--build-arg=VERSION=1 2",
        "--label=a=b",
        "--secret=id=pip,src=/s/secrets/pip",
        "--ssh=default",
        "--cache-from=type=registry,ref=x",
        "--tag=r.example/team/app:one",
        "--tag=r.example/team/app:two",
        "--provenance=false",
        "--sbom=false",
        "--metadata-file=/s/metadata.json",
        "--iidfile=/s/image-id",
        "--output=type=image,push=true,oci-mediatypes=true",
        "/c",
    ]


def test_the_smallest_build_with_an_old_client() -> None:
    request = BuildRequest(Path("/c"), push=False)
    assert arguments(request, CLI, Path("/s")) == [
        "/bin/docker",
        "build",
        "--progress=plain",
        "--file=/c/Dockerfile",
        "--iidfile=/s/image-id",
        "/c",
    ]


def test_without_pushing_the_image_is_loaded() -> None:
    argv = arguments(BuildRequest(Path("/c"), push=False), BUILDX, Path("/s"))
    assert "--load" in argv
    assert not any("push=true" in word for word in argv)


def test_no_secret_on_the_command_line() -> None:
    assert "very-secret-value" not in " ".join(arguments(FULL, BUILDX, Path("/s")))


@pytest.mark.parametrize(
    "name", ["PIP_TOKEN", "api_key", "DB_PASSWORD", "SECRET", "AWS_SECRET_ACCESS_KEY", "passwd"]
)
def test_a_secret_as_an_argument_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="looks like a secret") as caught:
        check_request(BuildRequest(Path("/c"), args={name: "x"}, push=False), BUILDX)
    assert "build.secrets" in str(caught.value.fix)


@pytest.mark.parametrize("name", ["VERSION", "TOKENIZER", "KEYBOARD", "SECRETARY", "NODE_ENV"])
def test_an_innocent_argument_is_not(name: str) -> None:
    check_request(BuildRequest(Path("/c"), args={name: "x"}, push=False), BUILDX)


def test_pushing_needs_a_name() -> None:
    with pytest.raises(ConfigError, match="no name to push"):
        check_request(BuildRequest(Path("/c")), BUILDX)


def test_what_an_old_client_cannot_do() -> None:
    with pytest.raises(BuildError, match="cache_to` needs Docker's buildx"):
        check_request(BuildRequest(Path("/c"), push=False, cache_to=("type=inline",)), CLI)
    with pytest.raises(BuildError, match="attest` needs Docker's buildx"):
        check_request(BuildRequest(Path("/c"), push=False, attest=True), CLI)
