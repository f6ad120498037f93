"""The shape of the house: who may import whom, and how large anything may grow.

The layers are data. A new module goes where its longest prefix says; one without a place fails
with a sentence. Put it as low as its imports allow, and below whatever needs it.
"""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.sources import (
    ROOT,
    Import,
    Module,
    functions,
    imports,
    packages,
    product,
)

# From the bottom up: each layer imports itself and those before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "deployer",  # the package itself: a version, no imports
        "deployer.errors",
        "deployer.secret",
        "deployer.quantity",
        "deployer.noun",
        "deployer.model",
        "deployer.actions",
        "deployer.outcome",
    ),
    (
        "deployer.config",
        "deployer.diagnose",
        "deployer.signs",
        "deployer.difference",
        "deployer.registry.reference",
        "deployer.registry.login",  # what the port's Registry hands over
        "deployer.releases.store",  # the port of the ledger and the lease
    ),
    ("deployer.plan", "deployer.promotion"),
    ("deployer.provider", "deployer.events", "deployer.probe", "deployer.adapters"),
    ("deployer.image", "deployer.registry", "deployer.releases", "deployer.init"),
    ("deployer.hands", "deployer.execute", "deployer.testing"),
    ("deployer_pipelines",),
    ("deployer.render",),
    ("deployer.cli", "deployer.__main__"),
)
SDKS = ("boto3", "botocore", "google", "grpc", "azure", "msal", "docker", "obstore")
ADAPTERS_MAY_NOT = ("deployer.cli", "deployer.render", "deployer_pipelines")
SHARED = {"deployer_engine": ("deployer_docker", "deployer_sandbox")}  # package: who may use it

# `deployer.cli` calls the pipelines and nobody else does, not even the renderer above them.
ONLY_CLI = "deployer_pipelines"

MEDIAN, P95, FILE = 8, 30, 300


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def is_adapter(name: str) -> bool:
    return name.startswith("deployer_") and not within(name, "deployer_pipelines")


def layer(name: str) -> int | None:
    """The layer of the longest prefix that has one; `deployer` itself only stands for itself."""
    placed = [(prefix, level) for level, names in enumerate(LAYERS) for prefix in names]
    fitting = [
        (len(prefix), level)
        for prefix, level in placed
        if (name == prefix if prefix == "deployer" else within(name, prefix))
    ]
    return max(fitting)[1] if fitting else None


def violations(modules: Mapping[str, Module]) -> Iterator[str]:
    """One sentence for each import that breaks the rule."""
    for found in imports(modules):
        reason = adapter_reason(found) if is_adapter(found.importer) else core_reason(found)
        if reason:
            yield f"{found.where}: {found.importer} imports {found.imported}: {reason}"


def adapter_reason(found: Import) -> str | None:
    own, other = found.importer.split(".")[0], found.imported.split(".")[0]
    if any(within(found.imported, name) for name in ADAPTERS_MAY_NOT):
        return "an adapter knows the port, not who drives it"
    if is_adapter(other) and other != own and own not in SHARED.get(other, ()):
        return "adapters never import each other"
    return None


def core_reason(found: Import) -> str | None:
    if is_adapter(found.imported):
        return "adapters are found by entry point, never imported"
    if any(within(found.imported, sdk) for sdk in SDKS):
        return "SDKs are imported only under providers/"
    own_package = within(found.importer, ONLY_CLI) or within(found.importer, "deployer.cli")
    if within(found.imported, ONLY_CLI) and not own_package:
        return "only deployer.cli calls the pipelines"
    if not (within(found.imported, "deployer") or within(found.imported, ONLY_CLI)):
        return None
    return layer_reason(layer(found.importer), layer(found.imported))


def layer_reason(importer: int | None, imported: int | None) -> str | None:
    if importer is None or imported is None:
        return "one of them has no layer; give it one in LAYERS of tests/test_architecture.py"
    if imported > importer:
        return f"layer {imported} ({', '.join(LAYERS[imported])}) is above layer {importer}"
    return None


def test_imports_point_downwards() -> None:
    found = sorted(violations(product()))
    assert not found, "\n" + "\n".join(found)


def test_every_module_has_a_layer() -> None:
    lost = [name for name in product() if not is_adapter(name) and layer(name) is None]
    assert not lost, (
        f"{', '.join(lost)}: put it into LAYERS, as low as its imports allow and below whatever "
        "needs it (words, then facts, decisions, ports, parts, the loop, pipelines, render, cli)"
    )


@pytest.mark.parametrize(
    ("importer", "line", "said"),
    [
        ("deployer.plan", "from deployer.execute import run", "is above layer"),
        ("deployer.plan", "from deployer import execute", "is above layer"),
        ("deployer.registry", "from ..render import tree", "is above layer"),
        ("deployer.model", "def f():\n    import boto3", "SDKs are imported only"),
        ("deployer.releases.records", "import google.cloud.run_v2", "SDKs are imported only"),
        ("deployer.execute", "import_module('deployer_docker')", "found by entry point"),
        ("deployer.render.tree", "import deployer_pipelines.ship", "only deployer.cli calls"),
        ("deployer_pipelines.ship", "import deployer.cli.main", "is above layer"),
        ("deployer_aws.provider", "import deployer_gcp", "never import each other"),
        ("deployer_aws.provider", "import deployer_engine.client", "never import each other"),
        ("deployer_engine.client", "import deployer_docker", "never import each other"),
        ("deployer_aws", "from deployer.render import tree", "knows the port"),
        ("deployer.novelty", "import deployer.errors", "has no layer"),
    ],
)
def test_a_seeded_violation_is_found(importer: str, line: str, said: str) -> None:
    names = ("deployer.execute", "deployer.render", "deployer.render.tree")
    others = {name: Module(name, f"{name}.py", "") for name in names}
    is_package = importer == "deployer.registry"
    seeded = {importer: Module(importer, "seeded.py", line, is_package)}
    found = list(violations(others | seeded))
    assert len(found) == 1
    assert found[0].startswith("seeded.py:")
    assert said in found[0]


@pytest.mark.parametrize(
    ("importer", "line"),
    [
        ("deployer.cli.ship", "from deployer_pipelines import ship"),
        ("deployer.registry.client", "from deployer.registry import reference"),
        ("deployer_docker.provider", "import docker, deployer_engine.client, deployer.provider"),
        ("deployer_pipelines.ship", "from deployer_pipelines.job import Job"),
        ("deployer.config", "import json, deployerish"),
    ],
)
def test_what_is_allowed_is_not_reported(importer: str, line: str) -> None:
    assert not list(violations({importer: Module(importer, "seeded.py", line)}))


@pytest.mark.parametrize("package", packages(), ids=lambda path: path.name)
def test_functions_are_short(package: Path) -> None:
    below = f"{package.relative_to(ROOT)}/"
    modules = [module for module in product().values() if module.path.startswith(below)]
    found = sorted((f for m in modules for f in functions(m)), key=lambda f: f.lines)
    if not found:
        return
    longest = "\n".join(f"{f.lines:4} {f.where}" for f in found[-12:])
    assert statistics.median(f.lines for f in found) <= MEDIAN, f"too long:\n{longest}"
    assert found[int(len(found) * 0.95)].lines <= P95, f"too many long ones:\n{longest}"


def tracked(*suffixes: str) -> list[Path]:
    """Files of the repository, new ones included, ignored ones not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.is_file() and path.name.endswith(suffixes)]


def test_no_file_is_long() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in tracked(".py", ".sh")}
    long = {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > FILE}
    assert not long


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    places = {f"{ROOT}/", f"{Path.home()}/", "/".join(["", "work", "main"])}
    suffixes = (".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".cfg", ".json", "Dockerfile")
    files = [*tracked(*suffixes), *(ROOT / "scripts").rglob("*")]
    readable = {
        path: path.read_text() for path in files if path.is_file() and path.suffix != ".pyc"
    }
    found = [
        f"{p.relative_to(ROOT)}: {w}" for p, text in readable.items() for w in places if w in text
    ]
    assert not found


@pytest.mark.parametrize("package", packages(), ids=lambda path: path.name)
def test_every_package_is_typed(package: Path) -> None:
    assert (package / "py.typed").is_file()
