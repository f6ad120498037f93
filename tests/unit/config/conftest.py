"""A folder with a `deployer.yaml` in it, and what loading says about it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from deployer.config import App, Fixed, Lookup, Placement, load, resolve
from deployer.errors import ConfigError

PROVIDERS = ("aws", "azure", "docker", "gcp")


@pytest.fixture(scope="session")
def providers() -> Lookup:
    """Every provider's options, found without installed metadata."""
    found = {name: importlib.import_module(f"deployer_{name}.options") for name in PROVIDERS}
    return Fixed({name: module.Options for name, module in found.items()})


class Folder:
    """A folder under test. File names in messages are seen from it."""

    def __init__(self, path: Path, providers: Lookup) -> None:
        self.path = path
        self.providers = providers

    def write(self, text: str, name: str = "deployer.yaml") -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
        return file

    def load(self, text: str, environ: Mapping[str, str] | None = None) -> App:
        return load(self.write(text), environ or {}, self.providers)

    def place(
        self, text: str, environment: str | None = None, environ: Mapping[str, str] | None = None
    ) -> tuple[Placement, ...]:
        return resolve(self.load(text, environ), environment)

    def one(
        self, text: str, environment: str | None = None, environ: Mapping[str, str] | None = None
    ) -> Placement:
        (placement,) = self.place(text, environment, environ)
        return placement

    def mistakes(self, action: Callable[[], object]) -> list[tuple[str | None, str, str | None]]:
        """(where, what, fix) of everything that `action` complains about."""
        with pytest.raises(ConfigError) as caught:
            action()
        return [(p.where, p.what, p.fix) for p in caught.value.problems]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, providers: Lookup) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path, providers)
