"""A client of the distribution protocol: what is there, under which digest, and a new tag for it.

Absence is a proven fact here (None, False); everything that is not a clear answer is an error.
Safe to share between threads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from urllib3.response import BaseHTTPResponse

from deployer.errors import DeployerError, RegistryError
from deployer.registry import failures
from deployer.registry.auth import Authorizer
from deployer.registry.login import Logins
from deployer.registry.manifest import (
    ACCEPT,
    INDEXES,
    Descriptor,
    ImageConfig,
    Manifest,
    digest_of,
    image_config,
)
from deployer.registry.reference import (
    Digest,
    Pinned,
    Repository,
    Tagged,
    check_tag,
    scheme,
)
from deployer.registry.wire import Body, Wire

PULL = "pull"
PUSH = "pull,push"
_DIGEST = "docker-content-digest"
_LARGEST_JSON = 4 << 20  # bytes; the distribution server's own limit for manifests


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a repository: `path` is what follows `/v2/<repository>/`, or a full URL."""

    repository: Repository
    method: str
    path: str
    actions: str = PULL
    body: Body | None = None
    headers: Mapping[str, str] | None = None
    stream: bool = False
    repeat: bool | None = None
    mount_from: str = ""


class RegistryClient:
    """Registries by the credentials of `logins`. `plain` lists hosts to reach without TLS."""

    def __init__(
        self, logins: Logins, *, plain: Collection[str] = (), wire: Wire | None = None
    ) -> None:
        self._wire = wire or Wire()
        self._auth = Authorizer(logins, self._wire)
        self._plain = frozenset(plain)

    def resolve(self, ref: Tagged | Pinned) -> Descriptor | None:
        """What `ref` is right now, by one HEAD; None if the registry says that it is not there.

        AuthError, Denied, Transient or RegistryError for any other answer.
        """
        request = _manifest_request("HEAD", ref)
        answer = self.send(request)
        if answer.status == 404:
            self._prove_absent(ref, answer)
            return None
        if answer.status != 200:
            raise failures.from_answer(ref, answer)
        if _DIGEST not in answer.headers:
            return self.manifest(ref).descriptor
        found = Descriptor(
            Digest(answer.headers[_DIGEST]),
            int(answer.headers.get("content-length", 0)),
            _media_type(answer),
        )
        _check_digest(ref, found.digest)
        return found

    def manifest(self, ref: Tagged | Pinned) -> Manifest:
        """The manifest's bytes as the registry keeps them, their digest verified.

        RegistryError if it is not there or is not what its digest says.
        """
        answer = self._read(_manifest_request("GET", ref), ref)
        raw = answer.data
        digest = digest_of(raw)
        _check_digest(ref, digest)
        if _DIGEST in answer.headers and answer.headers[_DIGEST] != digest:
            raise failures.corrupt(ref, answer.headers[_DIGEST], digest)
        return Manifest(Descriptor(digest, len(raw), _media_type(answer)), raw)

    def tag(self, pinned: Pinned, tag: str) -> Tagged:
        """`tag` now names exactly `pinned`; nothing is sent if it did already.

        The same bytes go back under the same media type, so that the digest stays. ECR refuses an
        identical re-push to an immutable tag (aws/containers-roadmap#2179), hence the look first.
        """
        name = Tagged(pinned.repository, check_tag(tag))
        if self._is(name, pinned.digest):
            return name
        manifest = self.manifest(pinned)
        try:
            answer = self.send(_put_request(name, manifest))
        except DeployerError:
            if self._is(name, pinned.digest):  # the answer was lost, not the effect
                return name
            raise
        if answer.status != 201 and not self._is(name, pinned.digest):
            raise failures.from_answer(name, answer)
        return name

    def has_blob(self, repository: Repository, digest: Digest) -> bool:
        """True if the repository holds the blob, False if the registry says that it does not."""
        answer = self.send(Request(repository, "HEAD", f"blobs/{digest}"))
        if answer.status in (200, 404):
            return answer.status == 200
        raise failures.from_answer(Pinned(repository, digest), answer)

    def blob(self, repository: Repository, blob: Descriptor) -> bytes:
        """A small blob (at most 4 MiB), verified. RegistryError if it is not there or is wrong."""
        name = Pinned(repository, blob.digest)
        if blob.size > _LARGEST_JSON:
            raise failures.too_large(name, blob.size)
        answer = self._read(Request(repository, "GET", f"blobs/{blob.digest}"), name)
        if (got := digest_of(answer.data)) != blob.digest:
            raise failures.corrupt(name, blob.digest, got)
        return answer.data

    def image_config(self, ref: Tagged | Pinned, platform: str = "linux/amd64") -> ImageConfig:
        """What the image for `platform` says about itself: architecture, ports, labels, user.

        RegistryError if `ref` is an index without this platform.
        """
        manifest = self.manifest(ref)
        if manifest.descriptor.media_type in INDEXES:
            child = _for_platform(ref, manifest, platform)
            manifest = self.manifest(Pinned(ref.repository, child.digest))
        return image_config(self.blob(ref.repository, manifest.config))

    def check_push(self, repository: Repository) -> None:
        """Nothing, if we may push to `repository`; Denied, AuthError or RegistryError otherwise.

        Begins an upload and cancels it: two requests, nothing is left behind.
        """
        answer = self.send(Request(repository, "POST", "blobs/uploads/", PUSH, body=b""))
        if answer.status != 202:
            raise failures.from_answer(repository, answer)
        cancel = Request(repository, "DELETE", answer.headers.get("location", ""), PUSH)
        sent = self._auth.header(repository.host, _scope(cancel))
        with suppress(DeployerError):  # distribution wants another right for it, and cleans up
            self._once(cancel, sent.reveal() if sent else None)

    def send(self, request: Request) -> BaseHTTPResponse:
        """The answer to `request`, logged in if the registry asks for it, whatever its status.

        For what builds upon this client, such as a copy between registries. AuthError and Denied
        are raised, and Transient or RegistryError where there is no answer.
        """
        repository = request.repository
        scope = _scope(request)
        sent = self._auth.header(repository.host, scope)
        answer = self._once(request, sent.reveal() if sent else None)
        if answer.status != 401:
            return answer
        challenge = answer.headers.get("www-authenticate", "")
        answer.close()
        fresh = self._auth.refresh(repository.host, scope, sent, challenge)
        answer = self._once(request, fresh.reveal())
        if answer.status == 401:
            anonymous = self._auth.is_anonymous(repository.host, scope)
            raise failures.unauthorized(request.repository, request.actions, answer, anonymous)
        return answer

    def url(self, request: Request) -> str:
        """Where `request` goes; a Location is taken as it is, it may carry state."""
        if "://" in request.path:
            return request.path
        registry = request.repository.registry
        root = "http" if registry in self._plain else scheme(registry)
        base = f"{root}://{request.repository.host}"
        if request.path.startswith("/"):
            return base + request.path
        return f"{base}/v2/{request.repository.path}/{request.path}"

    def _once(self, request: Request, authorization: str | None) -> BaseHTTPResponse:
        headers = dict(request.headers or {})
        url = self.url(request)
        if authorization and f"//{request.repository.host}/" in url:
            headers["Authorization"] = authorization
        return self._wire.request(
            request.method,
            url,
            headers,
            body=request.body,
            stream=request.stream,
            repeat=request.repeat,
        )

    def _read(self, request: Request, ref: Tagged | Pinned) -> BaseHTTPResponse:
        answer = self.send(request)
        if answer.status != 200:
            raise failures.from_answer(ref, answer)
        if len(answer.data) > _LARGEST_JSON:
            raise failures.too_large(ref, len(answer.data))
        return answer

    def _prove_absent(self, ref: Tagged | Pinned, answer: BaseHTTPResponse) -> None:
        """A 404 counts only from a registry: a portal or a wrong path answers 404 as well."""
        if "docker-distribution-api-version" in answer.headers:
            return
        answer = self.send(_manifest_request("GET", ref))
        if answer.status != 404 or not failures.codes(answer):
            raise failures.from_answer(ref, answer)

    def _is(self, name: Tagged, digest: Digest) -> bool:
        found = self.resolve(name)
        return found is not None and found.digest == digest


def _manifest_request(method: str, ref: Tagged | Pinned) -> Request:
    name = ref.tag if isinstance(ref, Tagged) else ref.digest
    return Request(ref.repository, method, f"manifests/{name}", headers={"Accept": ACCEPT})


def _put_request(name: Tagged, manifest: Manifest) -> Request:
    return Request(
        name.repository,
        "PUT",
        f"manifests/{name.tag}",
        PUSH,
        body=manifest.raw,
        headers={"Content-Type": manifest.descriptor.media_type},
        repeat=True,  # the same bytes twice have the effect of once
    )


def _scope(request: Request) -> str:
    scope = f"repository:{request.repository.path}:{request.actions}"
    return f"{scope} repository:{request.mount_from}:pull" if request.mount_from else scope


def _media_type(answer: BaseHTTPResponse) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip()


def _check_digest(ref: Tagged | Pinned, got: Digest) -> None:
    if isinstance(ref, Pinned) and ref.digest != got:
        raise failures.corrupt(ref, ref.digest, got)


def _for_platform(ref: Tagged | Pinned, manifest: Manifest, platform: str) -> Descriptor:
    known = [child for child in manifest.children if child.platform]
    for child in known:
        if child.platform == platform or child.platform.startswith(f"{platform}/"):
            return child
    raise RegistryError(
        f"{ref} is not built for {platform}",
        why="it is for " + (", ".join(child.platform for child in known) or "no known platform"),
        fix=f"build it for that platform (build.platform: {platform})",
    )
