"""The docker provider keeps the contract of the port, on a real engine."""

from __future__ import annotations

import docker
import pytest

from deployer.model import Spec
from deployer.provider import Provider
from deployer.testing.contract import ProviderContract, Specs
from tests.providers.docker.conftest import Make


@pytest.mark.docker
class TestDocker(ProviderContract):
    """Web services: traffic is moved by the edge."""

    @pytest.fixture
    def specs(self, make: Make) -> Specs:
        kinds = {
            "one": lambda: make("1"),
            "two": lambda: make("2"),
            "crash": lambda: make("1", env={"CRASH": "3"}),
            "fails": lambda: make("1"),
        }
        return lambda kind: kinds[kind]()

    @pytest.fixture(autouse=True)
    def _client(self, engine: docker.DockerClient) -> None:
        self.client = engine

    def runs(self, provider: Provider, spec: Spec, release: str) -> int:
        labels = [f"deployer.scope={spec.scope.name}", "deployer.role=task"]
        return len(self.client.containers.list(all=True, filters={"label": labels}))


@pytest.mark.docker
class TestDockerWorker(TestDocker):
    """Services without a port: who counts is told by the container's name."""

    @pytest.fixture
    def specs(self, make: Make) -> Specs:
        plain = {"port": None}
        kinds = {
            "one": lambda: make("1", **plain),
            "two": lambda: make("2", **plain),
            "crash": lambda: make("1", env={"CRASH": "3"}, **plain),
            "fails": lambda: make("1", **plain),
        }
        return lambda kind: kinds[kind]()

    @pytest.mark.skip(reason="a worker has no traffic to split")
    def test_traffic_splits_where_claimed(self, provider: Provider, specs: Specs) -> None:
        raise AssertionError("skipped")
