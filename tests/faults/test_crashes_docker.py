"""F1 on a real engine: killed around every change, the same command converges.

One scope; the two versions replace each other in turn, so that no point needs a scope of its own.
What is true afterwards is asked of Docker and of the URL, not of deployer.
"""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from deployer.events import Report
from deployer.execute import Hands, Pace
from deployer.model import EngineImage, Health, ReleaseCommand, Scope, Spec
from deployer.outcome import Outcome
from deployer.plan import Policy
from deployer.quantity import Seconds
from deployer.releases.ledger import Ledger
from deployer_docker.options import Options
from deployer_docker.provider import DockerProvider
from deployer_pipelines import verbs
from deployer_pipelines.job import Job
from tests.faults.crashes import Point, Strike, changes, enumerate_crashes
from tests.support.session import Session

pytestmark = [pytest.mark.docker, pytest.mark.slow]

QUICK = Health(
    path="/health",
    interval=Seconds(1),
    timeout=Seconds(2),
    retries=2,
    start_period=Seconds(20),
)


@dataclass
class Place:
    """A scope on the engine in which one version serves and the other is to come."""

    client: docker.DockerClient
    scope: Scope
    options: Options
    images: tuple[EngineImage, EngineImage]
    policy: Policy
    wanted: int = 0  # index of the version that is shipped next
    done: int = 0  # deployments with a conclusion, before the one that is killed

    def spec(self) -> Spec:
        """The version that is shipped next."""
        return Spec(scope=self.scope, image=self.images[self.wanted], port=8000, health=QUICK)

    def ship(self, strike: Strike | None = None) -> Report:
        """One process' work: connect, look, ship."""
        plain = DockerProvider(self.options)
        provider = strike.provider(plain) if strike else plain
        store = plain.store(self.scope)
        job = Job(
            scope=self.scope,
            hands=Hands(provider=provider, pace=Pace(first=0.05, longest=0.3, deadline=60)),
            store=strike.store(store) if strike else store,
            policy=self.policy,
        )
        try:
            *_, last = verbs.ship(job, provider.pin(self.spec()))
        finally:
            plain.close()
        assert isinstance(last, Report)
        return last

    def next(self) -> Place:
        """The other version is to replace the one that serves."""
        self.wanted = 1 - self.wanted
        self.done = len(self.records())
        return self

    def records(self) -> list[tuple[str, Outcome | None]]:
        """Each deployment and how it ended."""
        provider = DockerProvider(self.options)
        try:
            entries = Ledger(provider.store(self.scope)).history()
        finally:
            provider.close()
        ended = [(e.intent.release, e.conclusion) for e in entries]
        return [(release, one.outcome if one else None) for release, one in ended]

    def containers(self, role: str) -> list[Any]:
        """What Docker has of this scope, running or not."""
        labels = [f"deployer.scope={self.scope.name}", f"deployer.role={role}"]
        found: list[Any] = self.client.containers.list(all=True, filters={"label": labels})
        return found

    def answer(self) -> str:
        """What the URL says."""
        url = f"http://127.0.0.1:{self.options.publish}/"
        with urllib.request.urlopen(url, timeout=5) as reply:
            return str(reply.read().decode().strip())


@pytest.fixture
def place(
    engine: docker.DockerClient,
    labelled: Session,
    hello_image: Callable[[str], str],
    edge_image: str,
    free_port: Callable[[], int],
    request: pytest.FixtureRequest,
) -> Place:
    def image(version: str) -> EngineImage:
        reference = hello_image(version)
        return EngineImage(name=reference, digest=str(engine.images.get(reference).id))

    app = labelled.name("crash")
    scope = Scope(app=app, environment="default", target="local", service="api", name=f"{app}-api")
    options = Options(publish=str(free_port()), edge_image=edge_image)
    policy = Policy(keep=1, release_command=ReleaseCommand(command=("true",)))
    return Place(engine, scope, options, (image("1"), image("2")), policy)


def test_f01_killed_around_every_change_version_2_serves_alone(place: Place) -> None:
    assert place.ship().outcome is Outcome.SUCCEEDED

    def converges(world: Place, point: Point) -> None:
        again = world.ship()
        assert again.outcome in (Outcome.SUCCEEDED, Outcome.UNCHANGED), again.problem
        assert world.answer() == f"hello {world.wanted + 1}"
        apps = {one.attrs["Image"]: one.status for one in world.containers("app")}
        ours, other = (world.images[i].digest for i in (world.wanted, 1 - world.wanted))
        assert apps == {ours: "running", other: "exited"}  # the other is kept for a rollback
        assert len(world.containers("app")) == len(world.containers("edge")) + 1 == 2
        assert len(world.client.containers.list(all=True, filters=of(world))) <= 5
        assert world.records()[world.done :] == [(again.release, Outcome.SUCCEEDED)]
        assert world.ship().outcome is Outcome.UNCHANGED

    points = enumerate_crashes(
        place.next, lambda world, strike: world.ship(strike), converges, only
    )
    assert len(points) >= 16


def only(name: str) -> bool:
    """Each `start` of a change, and each object that is created."""
    return changes(name) and not name.startswith("delete ")


def of(world: Place) -> dict[str, Any]:
    """Everything with the scope's label: two applications and their release commands, one edge."""
    return {"label": f"deployer.scope={world.scope.name}"}
