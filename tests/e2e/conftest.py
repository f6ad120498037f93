"""The real command line against the real engine: one application per test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.support.command import Command
from tests.support.session import Session
from tests.support.shop import Shop

NUMBERS = itertools.count(1)
Images = Callable[[str], str]
Open = Callable[[], Shop]


@pytest.fixture(scope="session")
def images(hello_image: Images) -> Images:
    """`images("2")`: an image of the hello application, built at most once."""
    made: dict[str, str] = {}
    return lambda version: made.get(version) or made.setdefault(version, hello_image(version))


@pytest.fixture
def open_shop(
    tmp_path: Path,
    labelled: Session,
    engine: docker.DockerClient,
    edge_image: str,
    images: Images,
    free_port: Callable[[], int],
    cli: Command,
) -> Iterator[Open]:
    """`open_shop()` is one more application, with a name and a port of its own."""
    opened: list[Shop] = []

    def open_() -> Shop:
        name = labelled.name(f"e{next(NUMBERS)}")
        folder = tmp_path / name
        folder.mkdir()
        environ = {"DEPLOYER_EDGE_IMAGE": edge_image}
        opened.append(Shop(name, folder, free_port(), cli, engine, images, environ))
        return opened[-1].write()

    yield open_
    for shop in opened:
        shop.clear()


@pytest.fixture
def shop(open_shop: Open) -> Shop:
    """The hello application with a deployer.yaml for the docker target; not shipped yet."""
    return open_shop()
