"""`deployer.yaml` -> App -> Placements: one service on one target, everything decided.

Layers, the lowest first: the service, the environment's overrides, the file's target, the
environment's target. At each of them what is said about one service (`services:`) lies over what
is said about all.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deployer.config.checking import Checker
from deployer.config.document import Document
from deployer.config.envfile import read_regular
from deployer.config.graph import listed, ordered
from deployer.config.interpolate import filled
from deployer.config.kinds import shape
from deployer.config.lookup import Installed, Lookup
from deployer.config.placements import App, EnvironmentRules, Placement
from deployer.config.placing import place, shared
from deployer.config.problems import Problems
from deployer.config.reading import MAX_BYTES, read
from deployer.config.schema import Environment, File
from deployer.config.shapes import part
from deployer.config.verifying import verify, words
from deployer.errors import ConfigError

FILE = "deployer.yaml"


def find(start: Path, explicit: Path | None = None) -> Path:
    """The file to read: `explicit`, or `deployer.yaml` in `start` or the nearest folder above.

    Raises ConfigError where there is none, also where it is spelled `deployer.yml`.
    """
    if explicit is not None:
        return _explicit(explicit)
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / FILE).is_file():
            return folder / FILE
        if (folder / "deployer.yml").is_file():
            other = _shown(folder / "deployer.yml")
            fix = f"mv {other} {_shown(folder / FILE)}"
            raise ConfigError(f"{other} is not read: the file is called {FILE}", fix=fix)
    what = f"there is no {FILE} here or in a folder above"
    raise ConfigError(what, fix="`deployer init` writes one; `-c FILE` names another")


def load(path: Path, environ: Mapping[str, str], options: Lookup | None = None) -> App:
    """Reads and checks the file. Raises ConfigError with all its mistakes as `problems`.

    Variables are filled in by `resolve`, where it is known for which environment.
    """
    name = _shown(path)
    data = read_regular(os.path.realpath(path), name, MAX_BYTES)
    source, root = read(data, name)
    problems = Problems(source)
    document = Document(source, root, environ, options or Installed())
    verify(document, problems)
    problems.stop()
    state = _state(document, problems)
    problems.stop()
    return App(
        name=document.app,
        services=_order(document),
        environments={key: _rules(document, key) for key in document.environments},
        state=state,
        root=path.absolute().parent,
        file=path.absolute(),
        document=document,
    )


def resolve(
    app: App,
    environment: str | None = None,
    targets: Sequence[str] = (),
    services: Sequence[str] = (),
) -> tuple[Placement, ...]:
    """Every chosen service on every chosen target, in the order of `depends_on`.

    Without `targets` and `services` all of them. Raises ConfigError with every missing variable
    and every mistake that only the filled-in values show.
    """
    chosen = choose(app, environment)
    problems = Problems(app.document.source)
    known = app.environments[chosen].targets
    found = [
        place(app, (chosen, target, service), problems)
        for target in _named(targets, known, "target")
        for service in _named(services, app.services, "service")
    ]
    problems.stop()
    placements = tuple(placement for placement in found if placement is not None)
    shared(app, placements, problems)
    problems.stop()
    return placements


def choose(app: App, environment: str | None) -> str:
    """The environment meant: the only one, unless it is protected, or the one named."""
    if environment is not None:
        return _named([environment], app.environments, "environment")[0]
    names = list(app.environments)
    if len(names) > 1:
        what = f"{app.document.source.name} has several environments: {', '.join(names)}"
        raise ConfigError(what, fix=f"name one: -e {names[0]}")
    if app.environments[names[0]].protected:
        what = f'environment "{names[0]}" is protected and must be named'
        raise ConfigError(what, fix=f"-e {names[0]}")
    return names[0]


def setting(flag: str | None, variable: str, environ: Mapping[str, str]) -> str | None:
    """A flag, else the variable `DEPLOYER_…`, else None. An empty variable says nothing."""
    return flag if flag is not None else environ.get(f"DEPLOYER_{variable}") or None


def _explicit(path: Path) -> Path:
    found = path / FILE if path.is_dir() else path
    if found.exists():
        return found
    raise ConfigError(f"{_shown(found)} does not exist", fix="`-c` names a file or its folder")


def _shown(path: Path) -> str:
    """The path as seen from here."""
    return os.path.relpath(path)


def _named(asked: Sequence[str], known: Iterable[str], noun: str) -> list[str]:
    names = list(known)
    for name in asked:
        if name not in names:
            what = f'{noun} "{name}" does not exist'
            raise ConfigError(what, fix=listed(name, names, f"{noun}s"))
    return [name for name in names if name in asked or not asked]


def _order(document: Document) -> tuple[str, ...]:
    needs = {
        name: [node.text for node in words(table, "depends_on")]
        for name, table in document.services.items()
    }
    return ordered(needs)


def _state(document: Document, problems: Problems) -> str | None:
    node = document.root.entries.get("state")
    if node is None:
        return None
    values = {**document.environ, "DEPLOYER_APP": document.app}
    kind = shape(File).fields["state"].kind
    found: str | None = Checker(problems).value(filled(node, values, problems), kind, "state")
    return found


def _rules(document: Document, name: str) -> EnvironmentRules:
    keys = shape(Environment)
    table = part(document.environments[name], keys)
    found = Checker(Problems(document.source)).record(table, keys)
    targets = tuple(document.targets_of(name))
    return EnvironmentRules(protected=found.protected, targets=targets, promote=found.promote)
