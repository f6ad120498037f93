"""Everything about a file that is known without its variables: all mistakes at once."""

from __future__ import annotations

from deployer.config import schema
from deployer.config.checking import Checker
from deployer.config.document import Document, tables, word
from deployer.config.graph import cycle, listed
from deployer.config.interpolate import refused
from deployer.config.kinds import Shape, shape
from deployer.config.problems import Problems
from deployer.config.reading import Items, Scalar, Table
from deployer.config.rules import check_service
from deployer.config.schedules import check_promote
from deployer.config.shapes import (
    environment_shape,
    file_shape,
    override_shape,
    part,
    placed_shape,
    service_shape,
    target_shape,
)

_FIXED = "names and rules are the same for everybody who runs this file"


def verify(document: Document, problems: Problems) -> None:
    """Adds every mistake of the file. Values that wait for a variable are right for now."""
    _Layers(document, problems).check()
    _check_services(document, problems)
    _check_promotions(document, problems)
    _check_variables(document, problems)
    for place in document.each():
        check_placed(document, place, problems)


def check_placed(document: Document, place: tuple[str, str, str], problems: Problems) -> None:
    """Adds what is wrong with one service on one target, all layers merged."""
    provider = document.provider(*place[:2])
    if provider is None or document.options(provider.text) is None:
        return  # said where the target stands
    table, keys = document.merged(*place)
    Checker(problems, lenient=True).record(table, keys)
    check_service(table, problems)
    if document.several and not {"build", "image"} & table.entries.keys():
        what = f'service "{place[2]}" has neither "build" nor "image"'
        mark = document.services[place[2]].mark
        problems.add(mark, what, fix="write build: {context: ./folder}")


def words(table: Table, key: str) -> list[Scalar]:
    """The scalars of a list, or the only one."""
    node = table.entries.get(key)
    nodes = node.items if isinstance(node, Items) else [node]
    return [item for item in nodes if isinstance(item, Scalar) and not item.null]


class _Layers:
    """Each layer by itself: its keys and the form of its values."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self.document = document
        self.problems = problems
        self.layer = Checker(problems, lenient=True, partial=True)
        self.whole = Checker(problems, lenient=True)

    def check(self) -> None:
        document, root = self.document, _without_extensions(self.document.root)
        self.layer.record(root, file_shape(several=document.several))
        self.whole.record(part(root, shape(schema.File)), shape(schema.File))
        for service in document.services.values() if document.several else ():
            self.layer.record(service, service_shape())
        for name, table in document.targets.items():
            self.target(name, table, word(table, "provider"))
        for name in document.environments:
            self.environment(name)
        if not document.targets and not any(map(document.targets_of, document.environments)):
            what = "no target is declared: there is nowhere to deploy to"
            fix = "write targets: {local: {provider: docker, publish: 8080}}"
            self.problems.add(root.mark, what, fix=fix)

    def environment(self, name: str) -> None:
        table = self.document.environments[name]
        self.layer.record(table, environment_shape())
        own = shape(schema.Environment)
        self.whole.record(part(table, own), own)
        self.services(table, override_shape())
        for target, said in tables(table, "targets").items():
            provider = self.document.provider(name, target)
            self.target(target, said, provider.text if provider else None)
            self.same_provider(target, said)

    def target(self, name: str, table: Table, provider: str | None) -> None:
        if provider is None:
            known = listed(name, self.document.targets, "targets of the file")
            what = f'target "{name}" has no provider'
            self.problems.add(table.mark, what, fix=f"{known}; or write provider: …")
            return
        options = self.document.options(provider)
        if options is None:
            self.unknown(provider, table)
            return
        self.layer.record(table, target_shape(provider, options))
        self.services(table, placed_shape(provider, options))

    def services(self, table: Table, keys: Shape) -> None:
        for name, said in tables(table, "services").items():
            if name not in self.document.services:
                what = f'service "{name}" does not exist'
                fix = listed(name, self.document.services, "services")
                self.problems.add(said.mark, what, fix=fix)
            self.layer.record(said, keys)

    def same_provider(self, name: str, said: Table) -> None:
        top, mine = self.document.targets.get(name), word(said, "provider")
        above = word(top, "provider") if top else None
        if mine and above and mine != above:
            what = f'target "{name}" is {above} in the file and {mine} here'
            self.problems.add(said.keys["provider"], what, fix="give one of them another name")

    def unknown(self, provider: str, table: Table) -> None:
        mark = table.keys.get("provider")
        if mark:
            what = f'provider "{provider}" is not installed'
            fix = listed(provider, self.document.options.known(), "providers")
            self.problems.add(mark, what, fix=fix)


def _check_services(document: Document, problems: Problems) -> None:
    needs: dict[str, list[str]] = {}
    for name, table in document.services.items():
        needs[name] = []
        for item in words(table, "depends_on"):
            needs[name].append(item.text)
            if item.text not in document.services:
                what = f'depends_on: service "{item.text}" does not exist'
                fix = listed(item.text, document.services, "services")
                problems.add(item.mark, what, fix=fix)
    _no_cycle(needs, document.root, "services", "wait for each other", problems)


def _check_promotions(document: Document, problems: Problems) -> None:
    needs: dict[str, list[str]] = {}
    for name, table in document.environments.items():
        rules = table.entries.get("promote")
        if not isinstance(rules, Table):
            continue
        check_promote(rules, problems)
        needs[name] = [item.text for item in words(rules, "from")]
        for item in words(rules, "from"):
            if item.text not in document.environments:
                what = f'promote.from: environment "{item.text}" does not exist'
                fix = listed(item.text, document.environments, "environments")
                problems.add(item.mark, what, fix=fix)
    _no_cycle(needs, document.root, "environments", "promote from each other", problems)


def _no_cycle(
    needs: dict[str, list[str]], root: Table, key: str, said: str, problems: Problems
) -> None:
    round_trip = cycle(needs)
    if round_trip:
        what = f"{key} {said}: {' -> '.join(round_trip)}"
        problems.add(root.keys.get(key, root.mark), what, fix="remove one of the steps")


def _check_variables(document: Document, problems: Problems) -> None:
    for key in ("app", "service"):
        _refuse(document.root, key, problems)
    targets = list(document.targets.values())
    for table in document.environments.values():
        targets += tables(table, "targets").values()
        for key in ("promote", "protected"):
            _refuse(table, key, problems)
    for table in targets:
        _refuse(table, "provider", problems)


def _refuse(table: Table, key: str, problems: Problems) -> None:
    if key in table.entries:
        refused(table.entries[key], _FIXED, problems)


def _without_extensions(root: Table) -> Table:
    entries = {key: node for key, node in root.entries.items() if not key.startswith("x-")}
    marks = {key: root.keys[key] for key in entries}
    return Table(entries, marks, root.mark)
