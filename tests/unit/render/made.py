"""Hand-made events, a clock that is set, and streams that keep what is written."""

from __future__ import annotations

import io

from deployer.actions import (
    CreateRevision,
    Destroy,
    Ensure,
    Plan,
    Retire,
    RunTask,
    ShiftTraffic,
    Verify,
    Weight,
)
from deployer.events import Problem, Report
from deployer.model import Proof, RegistryImage, ReleaseCommand, Scope, Spec
from deployer.outcome import Outcome
from deployer.render.out import Colour, Out

DIGEST = "sha256:" + "9f3c1a2b4d5e" + "0" * 51 + "1"
OLD = "sha256:" + "418fc3488059" + "0" * 51 + "1"
UTF8 = {"TERM": "xterm", "LANG": "en_US.UTF-8"}


def scope(target: str = "gcp") -> Scope:
    return Scope(app="shop", environment="prod", target=target, service="api", name="shop-api")


SCOPE = scope()
SPEC = Spec(scope=SCOPE, image=RegistryImage(repository="r.example/shop", digest=DIGEST), port=80)
ENSURE = Ensure(spec=SPEC)
CREATE = CreateRevision(release="r2", spec=SPEC)
CANDIDATE = Verify(release="r2", spec=SPEC, stage="candidate")
PROVE = Verify(release="r2", spec=SPEC, stage="serving")
SHIFT = ShiftTraffic(scope=SCOPE, weights=(Weight(release="r2", percent=100),))
RETIRE = Retire(scope=SCOPE, release="r1")
TASK = RunTask(
    release="r2", spec=SPEC, command=ReleaseCommand(command=("alembic", "upgrade", "head"))
)
DESTROY = Destroy(scope=SCOPE)

CHANGE = Plan(
    scope=SCOPE,
    release="r2",
    previous="r1",
    spec=SPEC,
    basis="fence",
    actions=(ENSURE, TASK, CREATE, CANDIDATE, SHIFT, PROVE, RETIRE),
    changes=(f"~ image: r.example/shop@{OLD} -> r.example/shop@{DIGEST}", "+ env.DEBUG: 1"),
)
SAME = Plan(scope=scope("aws"), release="r1", spec=SPEC, basis="fence", actions=(PROVE,))
CRASH = Problem(
    code="rollout",
    what="the container ended with exit code 1",
    where="prod/gcp/api, release r2",
    why="its main process failed",
    evidence=("Traceback (most recent call last):", "KeyError: 'DATABASE_URL'"),
    fix="add DATABASE_URL under secrets",
    exit_code=3,
)
GOOD = Report(
    scope=SCOPE,
    outcome=Outcome.SUCCEEDED,
    exit_code=0,
    release="r2",
    serving="r2",
    serving_digest=DIGEST,
    url="https://shop.example",
    proof=Proof.OUTSIDE,
    seconds=41,
)
BACK = Report(
    scope=SCOPE,
    outcome=Outcome.FAILED_ROLLED_BACK,
    exit_code=5,
    release="r2",
    serving="r1",
    serving_digest=OLD,
    problem=CRASH,
    seconds=75,
)


class Clock:
    """Seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Screen(Out):
    """An edge of a fixed size that keeps everything written."""

    def __init__(
        self,
        columns: int = 0,
        lines: int = 24,
        env: dict[str, str] | None = None,
        colour: Colour = "never",
    ) -> None:
        self.stream = Terminal() if columns else io.StringIO()
        self.columns, self.rows = columns, lines
        super().__init__(self.stream, UTF8 if env is None else env, colour)

    def size(self) -> tuple[int, int]:
        return self.columns or 80, self.rows

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def seen(self) -> list[str]:
        """What a terminal shows in the end: only upwards moves and erasing are used."""
        shown: list[str] = [""]
        rest = self.text
        while rest:
            if rest.startswith("\x1b["):
                number, code, rest = _control(rest)
                if code == "A":
                    del shown[len(shown) - 1 - number :]
                    shown.append("")
                continue
            char, rest = rest[0], rest[1:]
            if char == "\n":
                shown.append("")
            elif char != "\r":
                shown[-1] += char
        return shown


def _control(text: str) -> tuple[int, str, str]:
    end = next(i for i, char in enumerate(text) if char.isalpha())
    return int(text[2:end] or 0), text[end], text[end + 1 :]
