"""From placements to images: what exists is found, the rest is built once and pushed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from pathlib import Path

from deployer.config.placements import Placement
from deployer.errors import GateBlocked, PreflightError
from deployer.events import Building, Built, Event, Said
from deployer.image.build import Loaded, build
from deployer.image.context import Context, input_hash, read_context
from deployer.image.dockerfile import floating_bases
from deployer.image.git import git_facts
from deployer.image.leaks import Finding, Severity
from deployer.image.lint import lint
from deployer.image.request import BuildRequest
from deployer.image.tags import image_tag, labels, sanitise, source_date_epoch
from deployer.model import Build, EngineImage, Image, RegistryImage
from deployer.noun import encode
from deployer.provider import Destination, Resolver
from deployer.registry.client import RegistryClient
from deployer.registry.reference import Tagged, parse, parse_repository
from deployer.secret import bystander
from deployer_pipelines.building import build_secrets
from deployer_pipelines.request import Bench, Wish
from deployer_pipelines.together import streamed

INPUT = "deployer.input"  # label and tag prefix: the hash of everything that a build reads
Emit = Callable[[Event], None]
Images = dict[str, Image]  # by scope


def resolve_images(bench: Bench, wish: Wish) -> Generator[Event, None, Images]:
    """The image of every placement. Each service is built once for each kind of destination.

    Raises BuildError, RegistryError, ConfigError, PreflightError, GateBlocked (dirty tree).
    """
    found: Images = {}
    groups: dict[bytes, list[Placement]] = {}
    for placement in bench.request.placements:
        reference = wish.image or placement.image
        if reference:
            found[str(placement.scope)] = existing(bench, placement, reference)
        else:
            groups.setdefault(_key(bench, placement), []).append(placement)
    for group in groups.values():
        images = yield from streamed(
            lambda emit, group=group: _Workshop(bench, wish, group).images(emit),  # type: ignore[misc]
            bench.request.cancel,
        )
        found.update(images)
    return found


def existing(bench: Bench, placement: Placement, reference: str) -> Image:
    """The image that `reference` names now: a tag becomes a digest here, once.

    Raises PreflightError if there is none.
    """
    provider = bench.provider(placement)
    if isinstance(provider, Resolver):
        image = provider.resolve(reference)
        if image is not None:
            return image
    name = parse(reference)
    descriptor = RegistryClient(provider.logins()).resolve(name)
    if descriptor is None:
        raise PreflightError(
            f"there is no image {reference}",
            where=str(placement.scope),
            fix="check the name and the tag; `docker push` it first, or leave --image out",
        )
    tag = name.tag if isinstance(name, Tagged) else None
    return RegistryImage(repository=str(name.repository), digest=str(descriptor.digest), tag=tag)


def known(bench: Bench, placement: Placement, wish: Wish) -> Image | None:
    """The image that a ship would use, if it is there already; None if it would be built."""
    reference = wish.image or placement.image
    if reference:
        return existing(bench, placement, reference)
    workshop = _Workshop(bench, wish, [placement])
    return workshop.there_already().get(str(placement.scope))


class _Workshop:
    """One build for a group of placements that share everything but the repository."""

    def __init__(self, bench: Bench, wish: Wish, group: list[Placement]) -> None:
        self.bench, self.wish, self.group = bench, wish, group
        self.first = group[0]
        self.build = self.first.build or Build()
        self.root = bench.request.root / self.build.context
        self.facts = git_facts(self.root) if self.root.is_dir() else None
        self.destinations = [bench.provider(p).destination(p.scope) for p in group]

    def images(self, emit: Emit) -> Images:
        """The images, found or built."""
        self._refuse_dirty()
        self._refuse_leaks(emit)
        began = time.monotonic()
        images = self.there_already()
        reused = bool(images)
        if not images:
            images = self._built(emit)
        for image in {encode(i): i for i in images.values()}.values():
            emit(
                Built(
                    service=self.first.scope.service,
                    image=image,
                    seconds=time.monotonic() - began,
                    reused=reused,
                )
            )
        return images

    def there_already(self) -> Images:
        """Images of the very same input, if all are there; sound only with pinned bases."""
        key = self._input()
        if key is None:
            return {}
        found = {}
        for placement, destination in zip(self.group, self.destinations, strict=True):
            image = self._look_up(placement, destination, key)
            if image is None:
                return {}
            found[str(placement.scope)] = image
        return found

    def _look_up(self, placement: Placement, where: Destination, key: str) -> Image | None:
        if where.repository is None:
            provider = self.bench.provider(placement)
            return provider.built(key) if isinstance(provider, Resolver) else None
        tagged = parse_repository(where.repository).tagged(f"in-{key[:16]}")
        found = RegistryClient(self.bench.provider(placement).logins()).resolve(tagged)
        if found is None:
            return None
        return RegistryImage(
            repository=where.repository, digest=str(found.digest), tag=self._tag()
        )

    def _built(self, emit: Emit) -> Images:
        pushed = [d.repository for d in self.destinations if d.repository]
        provider = self.bench.provider(self.first)
        done = build(
            self._request(pushed),
            lambda line: emit(Building(service=self.first.scope.service, line=line)),
            logins=provider.logins(),
            environment=self._environment(),
        )
        found: Images = {}
        for placement, destination in zip(self.group, self.destinations, strict=True):
            found[str(placement.scope)] = (
                EngineImage(name=self._name(), digest=done.image_id, tag=self._tag())
                if isinstance(done, Loaded)
                else RegistryImage(
                    repository=str(destination.repository),
                    digest=str(done.digest),
                    tag=self._tag(),
                )
            )
        return found

    def _request(self, pushed: list[str]) -> BuildRequest:
        key = self._input()
        names = [parse_repository(r) for r in pushed] or [parse_repository(self._name())]
        tags = [name.tagged(self._tag()) for name in names]
        if pushed and key:
            tags += [name.tagged(f"in-{key[:16]}") for name in names]
        marks = {INPUT: key} if key else {}
        return BuildRequest(
            context=self.root,
            dockerfile=Path(self.build.dockerfile),
            tags=tuple(tags),
            target=self.build.target,
            platform=self.build.platform or self.destinations[0].platform,
            args=self.build.args,
            labels={**labels(self.facts), **marks},
            secrets=build_secrets(self.build, self.bench.request.root),
            ssh=self.build.ssh,
            cache_from=(f"type=registry,ref={self.build.cache}",) if self.build.cache else (),
            cache_to=(f"type=registry,ref={self.build.cache},mode=max",)
            if self.build.cache and pushed
            else (),
            source_date_epoch=source_date_epoch(self.facts),
            push=bool(pushed),
            attest=self.build.attest,
        )

    def _input(self) -> str | None:
        """The hash of the input; None where a base floats, so that nothing may be skipped."""
        text = (self.root / self.build.dockerfile).read_text(errors="replace")
        if floating_bases(text, self.build.args) or self.build.attest:
            return None
        return self._hash()

    def _hash(self) -> str:
        return input_hash(
            self._context(),
            args=self.build.args,
            target=self.build.target,
            platform=self.build.platform or self.destinations[0].platform,
            options={"secrets": ",".join(sorted(self.build.secrets))},
        )

    def _context(self) -> Context:
        return read_context(self.root, Path(self.build.dockerfile))

    def _environment(self) -> dict[str, str]:
        engine = self.destinations[0].engine
        return {**bystander(os.environ), **({"DOCKER_HOST": engine} if engine else {})}

    def _name(self) -> str:
        return f"{self.first.scope.app}/{self.first.scope.service}"

    def _tag(self) -> str:
        if self.wish.version:
            return sanitise(self.wish.version)
        return image_tag(self.facts, "" if self.facts else self._hash())

    def _refuse_leaks(self, emit: Emit) -> None:
        """Say what is wrong with the source; an error, a key in the context say, ends the ship."""
        found = lint(
            self._context(),
            args=self.build.args,
            target=self.build.target,
            platform=self.build.platform or self.destinations[0].platform,
            port=self.first.port,
            protected=self.first.protected,
        )
        for each in found:
            if each.severity is Severity.WARN:
                emit(Said(text=f"{self._where(each)}: {each.message}", level="warning"))
        errors = [each for each in found if each.severity is Severity.ERROR]
        if errors:
            raise PreflightError(
                f"the source of {self.first.scope.service} is not fit to be shipped",
                where=self._where(errors[0]),
                why=errors[0].message,
                evidence=[f"{self._where(each)}: {each.message}" for each in errors[1:]],
                fix=errors[0].fix,
            )

    def _where(self, found: Finding) -> str:
        return found.where.removeprefix(f"{self.bench.request.root}/")

    def _refuse_dirty(self) -> None:
        protected = next((p for p in self.group if p.protected), None)
        if protected and not self.wish.allow_dirty and self.facts and self.facts.dirty:
            raise GateBlocked(
                f"{protected.scope.environment} is protected, and the work tree has changes "
                "that are in no commit",
                where=str(self.root),
                fix="commit them, or ship as it is with --allow-dirty",
            )


def _pushed(repository: str, digest: str, tag: str) -> RegistryImage:
    return RegistryImage(repository=repository, digest=str(digest), tag=tag)


def _key(bench: Bench, placement: Placement) -> bytes:
    where = bench.provider(placement).destination(placement.scope)
    engine = "registry" if where.repository else (where.engine or "")
    return encode([placement.scope.service, placement.build, engine, where.platform])
