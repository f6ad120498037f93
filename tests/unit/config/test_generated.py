"""What is made from the structs: the JSON Schema and the reference page."""

# ruff: noqa: E501  # tables of sentences are read line by line

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deployer.config import Lookup
from deployer.config.jsonschema import json_schema
from deployer.config.kinds import kind_of, shape
from deployer.config.reading import Items, Node, Scalar, read
from deployer.config.reference import render
from deployer.config.schema import Overrides

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

ROOT = Path(__file__).parents[3]
EXAMPLE = Path(__file__).parent / "contract.yaml"
GOOD = (
    "{app: shop, targets: {l: {provider: docker, publish: 8080}}}",
    "{app: shop, port: '${PORT}', scale: {max: '${N}'}, targets: {l: {provider: docker, port: null}}}",
    "{app: shop, services: {a: {build: {}}}, targets: {l: {provider: docker, services: {a: {keep: 2}}}}}",
    "{app: shop, x-mine: [1], targets: {l: {provider: docker}}, environments: {a: , b: {targets: {l: }}}}",
    "{app: shop, env: {A: 1, B: true, C: no, D: null}, targets: {l: {provider: docker}}}",
    "{app: shop, resources: {cpu: 1, memory: 1Gi}, targets: {l: {provider: docker}}}",
    "{app: shop, build: {secrets: {a: 'env:A'}}, targets: {l: {provider: docker}}}",
)
BAD = (
    "{targets: {l: {provider: docker}}}",
    "{app: Shop, targets: {l: {provider: docker}}}",
    "{app: shop, prot: 80, targets: {l: {provider: docker}}}",
    "{app: shop, port: 80a, targets: {l: {provider: docker}}}",
    "{app: shop, port: 0, targets: {l: {provider: docker}}}",
    "{app: shop, health: {interval: 30}, targets: {l: {provider: docker}}}",
    "{app: shop, image: a, build: {}, targets: {l: {provider: docker}}}",
    "{app: shop, services: {a: {build: {}}}, port: 1, targets: {l: {provider: docker}}}",
    "{app: shop, targets: {l: {provider: docke}}}",
    "{app: shop, targets: {l: {provider: docker, project: x}}}",
    "{app: shop, targets: {l: {provider: docker, keep: none}}}",
    "{app: shop, command: run, targets: {l: {provider: docker}}}",
    "{app: shop, environments: {a: {protcted: true}}, targets: {l: {provider: docker}}}",
)


def plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


def errors(text: str, providers: Lookup) -> list[str]:
    library = pytest.importorskip("jsonschema")
    schema = json_schema(providers)
    library.Draft202012Validator.check_schema(schema)
    found = library.Draft202012Validator(schema).iter_errors(plain(read(text.encode(), "x")[1]))
    return [error.message for error in found]


def test_the_schema_accepts_the_contracts_example(providers: Lookup) -> None:
    assert errors(EXAMPLE.read_text(), providers) == []


@pytest.mark.parametrize("text", GOOD)
def test_the_schema_accepts_what_loads(folder: Folder, text: str) -> None:
    folder.load(text)
    assert errors(text, folder.providers) == []


@pytest.mark.parametrize("text", BAD)
def test_the_schema_refuses_what_does_not_load(folder: Folder, text: str) -> None:
    assert folder.mistakes(lambda: folder.load(text))
    assert errors(text, folder.providers)


def test_the_reference_is_current(providers: Lookup) -> None:
    page = ROOT / "docs" / "reference" / "configuration.md"
    assert page.read_text() == render(providers), "run: python -m deployer.config.reference"


def test_every_key_is_described(providers: Lookup) -> None:
    for name in providers.known():
        options = providers(name)
        assert options is not None
        for field in shape(options).fields.values():
            assert field.kind.description, f"{name}.{field.name}"


def test_no_option_hides_a_key_of_every_target(providers: Lookup) -> None:
    common = {*shape(Overrides).fields, "provider", "name", "services", "depends_on"}
    for name in providers.known():
        options = providers(name)
        assert options is not None
        assert not common & shape(options).fields.keys()


def test_a_type_that_no_file_can_say() -> None:
    with pytest.raises(TypeError, match="no kind for"):
        kind_of(bytes)
