"""One file as the places where things are said: services, environments, targets, and layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from deployer.config.kinds import Shape, joined, shape
from deployer.config.layers import stacked
from deployer.config.lookup import Lookup
from deployer.config.problems import Source
from deployer.config.reading import Node, Scalar, Table, empty
from deployer.config.schema import Service
from deployer.config.shapes import override_shape, part, service_shape, target_shape

DEFAULT = "default"


class Document:
    """A file that was read, with what is needed to fill it in."""

    def __init__(
        self, source: Source, root: Table, environ: Mapping[str, str], options: Lookup
    ) -> None:
        self.source = source
        self.root = root
        self.environ = dict(environ)
        self.options = options
        self.app = word(root, "app") or ""
        self.several = "services" in root.entries
        self.services = self._services()
        self.targets = tables(root, "targets")
        self.environments = tables(root, "environments") or {DEFAULT: empty()}
        self.declared = bool(tables(root, "environments"))

    def targets_of(self, environment: str) -> dict[str, Table]:
        """What the environment says about each of its targets."""
        own = tables(self.environments[environment], "targets")
        return own or {name: empty() for name in self.targets}

    def provider(self, environment: str, target: str) -> Scalar | None:
        """Who runs this target, or None where nobody says it."""
        layers = (self.targets_of(environment).get(target), self.targets.get(target))
        found = (layer.entries.get("provider") for layer in layers if layer)
        return next((node for node in found if isinstance(node, Scalar)), None)

    def merged(self, environment: str, target: str, service: str) -> tuple[Table, Shape]:
        """Every layer about one service on one target as one, and the keys it may have."""
        said = self.provider(environment, target)
        name = said.text if said else ""
        whole = target_shape(name, self.options(name))
        keys = joined(whole.noun, whole, shape(Service))
        table = stacked(self._layers(environment, target, service), keys)
        own = self.targets_of(environment)[target]
        mark = (own if own.entries else self.targets.get(target, own)).mark
        return Table(_without(table, "services"), table.keys, mark), keys

    def each(self) -> Iterator[tuple[str, str, str]]:
        """Every service on every target of every environment."""
        for environment in self.environments:
            for target in self.targets_of(environment):
                for service in self.services:
                    yield environment, target, service

    def __repr__(self) -> str:
        return f"Document({self.source.name!r})"

    def _services(self) -> dict[str, Table]:
        if self.several:
            return tables(self.root, "services")
        name = word(self.root, "service") or self.app
        return {name: part(self.root, service_shape())}

    def _layers(self, environment: str, target: str, service: str) -> Iterator[Table]:
        """The lowest first. What is said about one service is laid over what is said about all."""
        around = self.environments[environment]
        yield self.services[service]
        yield part(around, override_shape())
        yield tables(around, "services").get(service, empty())
        for place in (self.targets.get(target), self.targets_of(environment)[target]):
            if place:
                yield place
                yield tables(place, "services").get(service, empty())


def tables(table: Table, key: str) -> dict[str, Table]:
    """The named blocks under `key`, marked by their names; one with nothing in it is empty."""
    node = table.entries.get(key)
    if not isinstance(node, Table):
        return {}
    blocks = {}
    for name, value in node.entries.items():
        if isinstance(value, Table):
            blocks[name] = Table(value.entries, value.keys, node.keys[name])
        elif isinstance(value, Scalar) and value.null:
            blocks[name] = Table({}, {}, node.keys[name])
    return blocks


def word(table: Table, key: str) -> str | None:
    """The text under `key`, or None."""
    node = table.entries.get(key)
    return node.text if isinstance(node, Scalar) and not node.null else None


def _without(table: Table, key: str) -> dict[str, Node]:
    return {name: node for name, node in table.entries.items() if name != key}
