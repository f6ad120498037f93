"""The client against a server that misbehaves: what is tried again, what is said."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from deployer.errors import AuthError, Denied, RegistryError, Transient
from deployer.registry.client import RegistryClient, Request
from deployer.registry.login import Basic, StaticLogins
from deployer.registry.reference import Repository, Tagged
from deployer.registry.wire import Patience, Wire, proxy_for
from deployer.secret import Secret
from tests.registry.servers import (
    FaultServer,
    answer,
    certificate,
    fault_server,
    free_port,
    registry,
)

BODY = b'{"schemaVersion":2}'
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
GOOD = answer("200 OK", BODY, Content_Type="application/x", Docker_Content_Digest=DIGEST)
HEAD = answer(
    "200 OK", Content_Type="application/x", Docker_Content_Digest=DIGEST, Content_Length="19"
)
BROKEN = answer("500 Oh")
ABSENT = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}'


def client(waits: list[float], host: str = "", user: str = "ann") -> RegistryClient:
    logins = StaticLogins({host: Basic(user, Secret("right-password"))} if host else {})
    return RegistryClient(logins, wire=Wire(patience=Patience(sleep=waits.append)))


def name(server: FaultServer) -> Tagged:
    return Repository(server.host, "team/app").tagged("one")


@pytest.mark.parametrize(
    "bad", [BROKEN, None, answer("503 Busy"), GOOD[:-5], answer("429 Slow down")]
)
def test_a_read_is_tried_again(bad: bytes | None) -> None:
    waits: list[float] = []
    with fault_server(bad, bad, GOOD) as server:
        assert client(waits).manifest(name(server)).descriptor.digest == DIGEST
    assert len(waits) == 2
    assert waits[0] < waits[1]


def test_retry_after_is_obeyed_and_bounded() -> None:
    waits: list[float] = []
    slow = answer("429 Slow down", Retry_After="7")
    endless = answer("503 Busy", Retry_After="99999")
    with fault_server(slow, endless, HEAD) as server:
        assert client(waits).resolve(name(server))
    assert waits == [7.0, 60.0]


@pytest.mark.parametrize("bad", [BROKEN, None, answer("429 Slow down")])
def test_after_all_tries_it_is_transient(bad: bytes | None) -> None:
    waits: list[float] = []
    with fault_server(bad) as server, pytest.raises(Transient) as caught:
        client(waits).resolve(name(server))
    assert (len(server.requests), len(waits)) == (5, 4)
    assert caught.value.exit_code == 75
    assert caught.value.fix


def test_nobody_listens() -> None:
    waits: list[float] = []
    nowhere = Repository(f"127.0.0.1:{free_port()}", "team/app").tagged("one")
    with pytest.raises(Transient, match="did not answer"):
        client(waits).resolve(nowhere)


def test_absence_needs_a_registry_to_say_so() -> None:
    waits: list[float] = []
    with fault_server(answer("404 Not Found", b"<html>")) as server:
        with pytest.raises(RegistryError, match="not in the registry"):
            client(waits).resolve(name(server))
        server.answers[:] = [answer("404 Not Found"), answer("404 Not Found", ABSENT)]
        assert client(waits).resolve(name(server)) is None


def test_other_content_than_the_digest_is_refused() -> None:
    waits: list[float] = []
    other = GOOD.replace(b'"schemaVersion":2', b'"schemaVersion":3')
    with fault_server(other) as server:
        with pytest.raises(RegistryError, match="other content"):
            client(waits).manifest(name(server))
        with pytest.raises(RegistryError, match="other content"):
            client(waits).manifest(name(server).repository.pinned(DIGEST))


def test_a_digest_is_checked_even_if_the_server_does_not_name_it() -> None:
    silent = answer("200 OK", BODY.replace(b"2", b"3"), Content_Type="application/x")
    with fault_server(silent) as server, pytest.raises(RegistryError, match="other content"):
        client([]).manifest(name(server).repository.pinned(DIGEST))


def test_a_head_without_digest_is_followed_by_a_get() -> None:
    silent = answer("200 OK", Content_Type="application/x", Content_Length="19")
    with fault_server(silent, GOOD) as server:
        found = client([]).resolve(name(server))
    assert found is not None
    assert found.digest == DIGEST


def test_403_is_denied() -> None:
    with fault_server(answer("403 No")) as server, pytest.raises(Denied):
        client([]).resolve(name(server))


def test_basic_is_sent_once_asked_for_and_kept() -> None:
    challenge = answer("401 Who", WWW_Authenticate='Basic realm="x"')
    with fault_server(challenge, HEAD) as server:
        ours = client([], server.host)
        ours.resolve(name(server))
        ours.resolve(name(server))
    sent = [headers.get("authorization", "")[:6] for _, headers in server.requests]
    assert sent == ["", "Basic ", "Basic "]


def test_a_second_401_ends_it() -> None:
    challenge = answer("401 Who", WWW_Authenticate='Basic realm="x"')
    with fault_server(challenge) as server, pytest.raises(AuthError, match="refused the cred"):
        client([], server.host).resolve(name(server))
    assert len(server.requests) == 2


def test_credentials_do_not_follow_a_redirect_to_another_host() -> None:
    challenge = answer("401 Who", WWW_Authenticate='Basic realm="x"')
    with fault_server(GOOD) as storage:
        away = answer("307 There", Location=f"http://{storage.host}/signed?x=1")
        with fault_server(challenge, away) as server:
            client([], server.host).manifest(name(server))
        assert server.requests[-1][1]["authorization"].startswith("Basic ")
        assert "authorization" not in storage.requests[0][1]
        assert storage.requests[0][0] == "GET /signed?x=1 HTTP/1.1"


def test_credentials_do_not_go_to_a_plain_token_server() -> None:
    bearer = answer("401 Who", WWW_Authenticate='Bearer realm="http://tokens.example/t"')
    with fault_server(bearer) as server, pytest.raises(RegistryError, match="sends our login to"):
        client([], server.host).resolve(name(server))


def test_circles_end() -> None:
    loop = answer("302 There", Location="/v2/again")
    with fault_server(loop) as server, pytest.raises(RegistryError, match="in circles"):
        client([]).manifest(name(server))


def test_a_lost_answer_to_a_tag_is_not_a_failure() -> None:
    pinned = Repository("x", "team/app").pinned(DIGEST)
    missing = answer("404 No", Docker_Distribution_Api_Version="registry/2.0")
    lost = [None] * 5
    with fault_server(missing, GOOD, *lost, HEAD) as server:
        there = Repository(server.host, "team/app")
        assert client([]).tag(there.pinned(pinned.digest), "two") == there.tagged("two")


def test_an_immutable_tag_says_so() -> None:
    missing = answer("404 No", Docker_Distribution_Api_Version="registry/2.0")
    text = b'{"errors":[{"code":"TAG_INVALID","message":"tag is immutable"}]}'
    with fault_server(missing, GOOD, answer("400 No", text), missing) as server:
        there = Repository(server.host, "team/app")
        with pytest.raises(RegistryError, match="does not move tags"):
            client([]).tag(there.pinned(DIGEST), "two")


class Secure(RegistryClient):
    """Asks this machine by https as well."""

    def url(self, request: Request) -> str:
        return super().url(request).replace("http://", "https://")


def test_no_tls_there_is_said_clearly() -> None:
    with (
        fault_server(answer("400 No")) as server,
        pytest.raises(RegistryError, match="does not speak TLS"),
    ):
        Secure(StaticLogins({})).resolve(name(server))


def test_a_certificate_is_checked_and_can_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, cert = certificate(tmp_path)
    with registry(tmp_path, tls=f', tls: {{certificate: "{cert}", key: "{key}"}}') as host:
        absent = Repository(host, "team/app").tagged("one")
        with pytest.raises(RegistryError, match="is not trusted") as caught:
            Secure(StaticLogins({})).resolve(absent)
        assert "SSL_CERT_FILE" in str(caught.value.fix)
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert Secure(StaticLogins({})).resolve(absent) is None


def test_a_proxy_is_used_and_logged_in_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with fault_server(HEAD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pass@{proxy.host}")
        ours = RegistryClient(StaticLogins({}), plain={"r.example"})
        assert ours.resolve(Repository("r.example", "team/app").tagged("one"))
    line, headers = proxy.requests[0]
    assert line == "HEAD http://r.example/v2/team/app/manifests/one HTTP/1.1"
    assert headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


def test_which_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example,.corp.example")
    assert proxy_for("https://r.example/v2/") == "http://proxy.example:3128"
    assert proxy_for("https://inside.example/v2/") == ""
    assert proxy_for("https://r.corp.example:5000/v2/") == ""
    assert proxy_for("https://127.0.0.1:5000/v2/") == ""
    assert proxy_for("http://r.example/v2/") == ""


def test_basic_is_asked_for_once_for_all_repositories() -> None:
    challenge = answer("401 Who", WWW_Authenticate='Basic realm="x"')
    asked: list[int] = []

    def login() -> Basic:
        asked.append(1)
        return Basic("AWS", Secret("cloud-password"))

    with fault_server(challenge, HEAD) as server:
        ours = RegistryClient(StaticLogins({server.host: login}))
        for path in ("a", "b", "c"):
            ours.resolve(Repository(server.host, path).tagged("one"))
    assert len(asked) == 1


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_threads_share_one_token() -> None:
    challenge = answer("401 Who", WWW_Authenticate='Basic realm="x"')
    asked: list[int] = []

    def login() -> Basic:
        asked.append(1)
        return Basic("ann", Secret("right-password"))

    with fault_server(challenge, *[challenge] * 7, HEAD) as server:
        ours = RegistryClient(StaticLogins({server.host: login}))
        threads = [threading.Thread(target=ours.resolve, args=(name(server),)) for _ in range(8)]
        ours._auth.refresh(server.host, "repository:team/app:pull", None, "Basic realm=x")
        server.answers[:] = [HEAD]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(asked) == 1
