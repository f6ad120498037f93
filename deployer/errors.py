"""Everything that can go wrong, as one tree.

DeployerError                  a sentence: what, where, why, fix            (exit 1)
├── ConfigError                deployer.yaml or the command line is wrong   (exit 2)
│   └── Unsupported            this provider cannot express what was asked  (exit 2)
├── BuildError                 the image could not be built                 (exit 3)
├── RegistryError              the registry refused or broke                (exit 3)
├── PreflightError             a reference, port or architecture is wrong   (exit 3)
├── ReleaseCommandFailed       the release command did not exit with 0      (exit 3)
├── GateBlocked                a gate blocks what was asked for             (exit 4)
├── RolloutFailed              the new revision is definitely bad           (exit 3; 5 once moved)
├── UnknownState               we cannot say what serves                    (exit 6)
│   └── DeadlineExceeded       we stopped looking; the provider may go on   (exit 6)
├── Busy                       another deployment holds the lease           (exit 7)
│   └── Superseded             a newer deployment took over                 (exit 7)
├── AuthError                  no credentials, or expired                   (exit 8)
│   └── Denied                 credentials without the permission           (exit 8)
├── Conflict                   somebody else changed it, or a stale plan    (exit 9)
├── Transient                  the provider failed; worth trying again      (exit 75)
└── Interrupted                Ctrl-C or SIGTERM; recorded, resumable       (exit 130/143)
"""

from __future__ import annotations

from collections.abc import Sequence


class DeployerError(Exception):
    """Base class: one failure, told in four parts.

    `what` happened, `where` (file:line or a provider's resource), `why` (the cause, then
    evidence such as log lines), `fix` (a command or a configuration line).
    """

    exit_code = 1
    code = "bug"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        why: str | None = None,
        evidence: Sequence[str] = (),
        fix: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.why = why
        self.evidence = tuple(evidence)
        self.fix = fix


class ConfigError(DeployerError):
    """The configuration or the command line is wrong. `problems` lists every mistake found."""

    exit_code = 2
    code = "config"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        why: str | None = None,
        evidence: Sequence[str] = (),
        fix: str | None = None,
        problems: Sequence[ConfigError] = (),
    ) -> None:
        super().__init__(what, where=where, why=why, evidence=evidence, fix=fix)
        self.problems = tuple(problems)


class Unsupported(ConfigError):
    """The provider cannot do what the configuration asks for."""

    code = "unsupported"


class BuildError(DeployerError):
    """No image came out of the build."""

    exit_code = 3
    code = "build"


class RegistryError(DeployerError):
    """The registry refused, broke, or holds something else than we pushed."""

    exit_code = 3
    code = "registry"


class PreflightError(DeployerError):
    """A check before the first change failed."""

    exit_code = 3
    code = "preflight"


class ReleaseCommandFailed(DeployerError):
    """The release command ended with another status than 0."""

    exit_code = 3
    code = "release-command"


class GateBlocked(DeployerError):
    """A gate blocks what was explicitly asked for."""

    exit_code = 4
    code = "gate"


class RolloutFailed(DeployerError):
    """The new revision is definitely bad: no waiting will heal it."""

    exit_code = 3
    code = "rollout"


class UnknownState(DeployerError):
    """What is serving cannot be said; a person is needed."""

    exit_code = 6
    code = "unknown-state"


class DeadlineExceeded(UnknownState):
    """We stopped looking. The provider may still finish, or fail."""

    code = "deadline"


class Busy(DeployerError):
    """Another deployment holds the lease."""

    exit_code = 7
    code = "busy"


class Superseded(Busy):
    """A newer deployment took over while ours was under way."""

    code = "superseded"


class AuthError(DeployerError):
    """There are no credentials, or they have expired."""

    exit_code = 8
    code = "credentials"


class Denied(AuthError):
    """The credentials are good, but lack a permission."""

    code = "permission"


class Conflict(DeployerError):
    """Somebody else changed the target, or the plan is stale."""

    exit_code = 9
    code = "conflict"


class Transient(DeployerError):
    """The provider failed in a way that may pass. The only class that the executor retries."""

    exit_code = 75
    code = "transient"


class Interrupted(DeployerError):
    """A signal ended the run; what was done is recorded and the same command goes on."""

    code = "interrupted"

    def __init__(self, signal: int, what: str, *, fix: str | None = None) -> None:
        super().__init__(what, fix=fix)
        self.exit_code = 128 + signal
