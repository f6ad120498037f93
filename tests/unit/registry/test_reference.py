from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import ConfigError
from deployer.registry.reference import (
    Digest,
    Pinned,
    Repository,
    Tagged,
    is_loopback,
    parse,
    parse_repository,
    scheme,
)

HEX = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "registry", "path", "tag"),
    [
        ("nginx:1.27", "docker.io", "library/nginx", "1.27"),
        ("team/app:1", "docker.io", "team/app", "1"),
        ("docker.io/nginx:1", "docker.io", "library/nginx", "1"),
        ("index.docker.io/library/nginx:1", "docker.io", "library/nginx", "1"),
        ("localhost/app:1", "localhost", "app", "1"),
        ("localhost:5000/app:1", "localhost:5000", "app", "1"),
        ("127.0.0.1:5000/a/b/c:v_1.2-x", "127.0.0.1:5000", "a/b/c", "v_1.2-x"),
        ("[::1]:5000/app:1", "[::1]:5000", "app", "1"),
        ("eu.gcr.example/p/a__b/c-d.e:1", "eu.gcr.example", "p/a__b/c-d.e", "1"),
        ("MyHost/app:1", "MyHost", "app", "1"),
    ],
)
def test_a_tagged_reference(text: str, registry: str, path: str, tag: str) -> None:
    assert parse(text) == Tagged(Repository(registry, path), tag)


@pytest.mark.parametrize("text", [f"nginx@{HEX}", f"nginx:1.2@{HEX}"])
def test_a_digest_wins_over_a_tag(text: str) -> None:
    assert parse(text) == Pinned(Repository("docker.io", "library/nginx"), Digest(HEX))


def test_no_version_is_an_error_unless_one_is_given() -> None:
    with pytest.raises(ConfigError, match="names no version") as caught:
        parse("nginx")
    assert "nginx:latest" in str(caught.value.fix)
    assert str(parse("nginx", default_tag="latest")) == "docker.io/library/nginx:latest"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://r.example/app:1", "is a URL"),
        ("r.example/App:1", "is not an image name"),
        ("r.example/a//b:1", "is not an image name"),
        ("r.example/-a:1", "is not an image name"),
        ("-r.example/a:1", "names no registry"),
        ("r.example:port/a:1", "names no registry"),
        ("r.example/app:-x", "is not a tag"),
        ("r.example/app:" + "x" * 129, "is not a tag"),
        ("r.example/app@sha256:123", "is not a digest"),
        ("r.example/app@md5:" + "ab" * 32, "is not a digest"),
        ("r.example/app:@" + HEX, "is not a tag"),
        ("", "is not an image name"),
        ("app\n:1", "is not an image name"),
        (f"app@{HEX}\n", "is not a digest"),
        (f"app@{HEX.upper()}", "is not a digest"),
        ("r.example/" + "a" * 256 + ":1", "is not an image name"),
    ],
)
def test_what_is_no_reference(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        parse(text)
    assert caught.value.why
    assert caught.value.fix


@given(st.text(max_size=40))
def test_anything_is_parsed_or_refused_in_our_words(text: str) -> None:
    try:
        found = parse(text)
    except ConfigError:
        return
    assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("registry", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.9.8.7:80", True),
        ("[::1]:5000", True),
        ("[::1]", True),
        ("10.0.0.1:5000", False),
        ("localhost.example", False),
        ("r.example", False),
        ("127.example:5000", False),
    ],
)
def test_plain_http_only_on_this_machine(registry: str, loopback: bool) -> None:
    assert is_loopback(registry) is loopback
    assert scheme(registry) == ("http" if loopback else "https")


def test_docker_hub_answers_elsewhere() -> None:
    assert parse_repository("nginx").host == "registry-1.docker.io"
    assert parse_repository("r.example/a").host == "r.example"
