"""The port: what every place to deploy to implements. Only our own types cross it.

Every method returns at once; the core owns each loop, sleep, deadline and retry. A failure that
may pass is raised as `Transient`; everything else from `deployer.errors` is final.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from deployer.actions import Action
from deployer.diagnose import Signs
from deployer.model import Capability, Identity, Image, Observed, Scope, Spec
from deployer.noun import Noun
from deployer.registry.login import Logins
from deployer.releases.store import Store


class Endpoint(Noun, frozen=True):
    """Where to ask from outside, and the answer header that says which release answered."""

    url: str
    headers: dict[str, str] = {}
    answers: tuple[str, str] | None = None


class Operation(Noun, frozen=True):
    """A handle to work in flight; JSON, so that a killed run can resume its wait."""

    action: Action
    data: dict[str, Any] = {}


class Progress(Noun, frozen=True):
    """One look at an operation. `output` is new text of the thing itself, as a migration's."""

    done: bool
    detail: str = ""
    output: tuple[str, ...] = ()
    endpoint: Endpoint | None = None


class Destination(Noun, frozen=True):
    """Where images for a scope go: a repository, or the engine itself where that is None."""

    repository: str | None = None
    engine: str | None = None  # DOCKER_HOST of the engine that builds; None: the ambient one
    platform: str | None = None


class Provider(Protocol):
    """One account, project or engine to deploy to."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the planner may ask for."""
        ...

    @property
    def keep(self) -> int:
        """How many revisions without traffic are kept for a rollback."""
        ...

    def identify(self) -> Identity:
        """Who and where we are. Raises AuthError; Conflict if it is not the configured account."""
        ...

    def destination(self, scope: Scope) -> Destination:
        """Where the image for `scope` has to be before a revision can be made from it."""
        ...

    def logins(self) -> Logins:
        """Credentials for the destination's registry, fetched late and refreshed."""
        ...

    def pin(self, spec: Spec) -> Spec:
        """`spec` with each secret's version and keyed fingerprint filled in. Changes nothing.

        Raises PreflightError naming every reference that is missing or not readable.
        """
        ...

    def observe(self, scope: Scope) -> Observed:
        """What is there now. An absent scope is an empty `Observed`, and absence is proved: an
        answer that lacks a required key is Transient, never "nothing there"."""
        ...

    def start(self, action: Action) -> Operation:
        """Begin one action. Repeating it, also after a crash in between, is harmless.

        Raises RolloutFailed where it shows at once that the revision is definitely bad.

        `Verify` begins nothing: it only names what `check` looks at.
        """
        ...

    def check(self, operation: Operation) -> Progress:
        """Look once. Raises RolloutFailed or ReleaseCommandFailed at the first definitive sign;
        NotFound does not exist here: an operation nobody knows is UnknownState."""
        ...

    def explain(self, scope: Scope, release: str) -> Signs:
        """Everything that helps to say why `release` is not well. Never raises for absence."""
        ...


@runtime_checkable
class Logs(Protocol):
    """Optional: read the log lines of what serves."""

    def logs(
        self, scope: Scope, *, release: str | None, since: float | None, follow: bool, limit: int
    ) -> Iterator[str]:
        """Lines, oldest first. `since` in seconds since 1970; `follow` goes on until closed."""
        ...


@runtime_checkable
class Resolver(Protocol):
    """Optional: a place that knows images itself, as an engine does."""

    def resolve(self, reference: str) -> Image | None:
        """The image that `reference` names here, or None if only a registry can tell."""
        ...

    def built(self, key: str) -> Image | None:
        """The image that was built from the input with this hash, or None."""
        ...


@runtime_checkable
class Keeper(Protocol):
    """Optional: a provider that keeps records itself, where no `state:` is configured."""

    def store(self, scope: Scope) -> Store:
        """The store of this scope's records and lease."""
        ...


@runtime_checkable
class Doctor(Protocol):
    """Optional: what `deployer doctor` prints about this place."""

    def examine(self) -> Mapping[str, str]:
        """Facts by name, as `engine: 27.1`, in the order to print."""
        ...


@runtime_checkable
class Rooted(Protocol):
    """Optional: a provider that reads files; told where their relative paths start."""

    root: Path


class Connect(Protocol):
    """What an entry point in the group `deployer.providers` names."""

    def __call__(self, options: Mapping[str, Any]) -> Provider:
        """A provider bound to one target's options. Raises ConfigError; does no I/O."""
        ...
