"""Which layer wins: the order, merging, and taking away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.kinds import shape
from deployer.config.layers import merge, stacked
from deployer.config.problems import Mark
from deployer.config.reading import Items, Node, Scalar, Table
from deployer.config.schema import Overrides
from deployer.model import Health

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

FULL = """\
app: shop
service: api
port: 1
env: {ALL: service, A: service, B: service, C: service, D: service}
health: {path: /service, retries: 1, timeout: 1s}
command: [service]
targets:
  t:
    provider: docker
    keep: 7
    env: {B: target, C: target, D: target}
    health: {timeout: 3s}
    command: [target, target]
    services: {api: {env: {C: one, D: one}}}
environments:
  staging:
    env: {A: environment, B: environment, C: environment, D: environment}
    health: {retries: 2, timeout: 2s}
    targets: {t: {env: {D: last}, logs: {max_files: 9}}}
"""


def test_the_order_of_the_layers(folder: Folder) -> None:
    one = folder.one(FULL)
    assert one.env == {
        "ALL": "service",
        "A": "environment",
        "B": "target",
        "C": "one",
        "D": "last",
    }
    assert (one.health.path, one.health.retries, one.health.timeout) == ("/service", 2, 3.0)
    assert one.command == ("target", "target")
    assert one.options == {"keep": 7, "logs": {"max_files": 9}}


def test_null_takes_away_and_an_empty_section_does_not(folder: Folder) -> None:
    text = """\
    app: shop
    port: 80
    env: {A: 1, B: 2}
    command: [a]
    targets: {t: {provider: docker, port: null, command: ~, env: {A: null}, health: }}
    """
    one = folder.one(text)
    assert (one.port, one.command, one.env) == (None, None, {"B": "2"})


def test_what_excludes_each_other_is_taken_from_the_upper_layer(folder: Folder) -> None:
    text = """\
    app: shop
    port: 80
    build: {context: x}
    health: {path: /h, retries: 9}
    env: {A: 1, B: 2}
    targets:
      t:
        provider: docker
        image: redis:7
        health: {command: [check]}
        secrets: {A: store/a}
    """
    one = folder.one(text)
    assert (one.image, one.build) == ("redis:7", None)
    assert (one.health.path, one.health.command, one.health.retries) == (None, ("check",), 9)
    assert (one.env, one.secrets["A"].ref) == ({"B": "2"}, "store/a")


def test_the_same_name_plain_and_secret_in_one_layer(folder: Folder) -> None:
    text = "app: shop\nenv: {A: 1}\nsecrets: {A: x}\ntargets: {t: {provider: docker}}\n"
    assert folder.mistakes(lambda: folder.load(text)) == [
        ("deployer.yaml:3:11", "A stands under `env:` and under `secrets:`",
         "keep the one under `secrets:`")
    ]  # fmt: skip


def test_values_are_texts_exactly_as_written(folder: Folder) -> None:
    text = """\
    app: shop
    env: {A: no, B: 010, C: 1.50, D: true, E: 22:22, F: "", G: 1_000, H: 2026-12-20, I: 0x1F}
    command: [run, 8080, true]
    targets: {t: {provider: aws, account: 012345678901, region: eu-central-1}}
    """
    one = folder.one(text)
    assert list(one.env.values()) == ["no", "010", "1.50", "true", "22:22", "", "1_000",
                                      "2026-12-20", "0x1F"]  # fmt: skip
    assert one.command == ("run", "8080", "true")
    assert one.options["account"] == "012345678901"


MARK = Mark(1, 1)
KEYS = shape(Overrides)


def node(value: Any) -> Node:
    if isinstance(value, dict):
        return Table({k: node(v) for k, v in value.items()}, dict.fromkeys(value, MARK), MARK)
    if isinstance(value, list):
        return Items([node(item) for item in value], MARK)
    return Scalar("null" if value is None else value, value is None, MARK)


def table(value: Any) -> Table:
    found = node(value)
    assert isinstance(found, Table)
    return found


def plain(tree: Node) -> Any:
    if isinstance(tree, Table):
        return {key: plain(value) for key, value in tree.entries.items()}
    return [plain(item) for item in tree.items] if isinstance(tree, Items) else tree.text


texts = st.sampled_from(["x", "y", "z"]) | st.none()
layers = st.fixed_dictionaries(
    {},
    optional={
        "image": texts,
        "port": texts,
        "command": st.lists(st.sampled_from("abc"), max_size=2),
        "env": st.dictionaries(st.sampled_from("ABC"), texts),
        "health": st.dictionaries(st.sampled_from(["retries", "timeout"]), texts),
    },
)


@settings(deadline=None)
@given(layers, layers, layers)
def test_stacking_is_laying_one_over_the_other(a: Any, b: Any, c: Any) -> None:
    """Key by key, the last layer that says something wins; null says "nothing"."""
    found = plain(stacked(map(table, (a, b, c)), KEYS))
    for key in ("image", "port", "command"):
        said = [layer[key] for layer in (a, b, c) if key in layer]
        assert found.get(key) == (said[-1] if said else None)
    for key in ("env", "health"):
        for name in ("A", "B", "C", "retries", "timeout"):
            said = [layer[key][name] for layer in (a, b, c) if name in layer.get(key, {})]
            assert found.get(key, {}).get(name) == (said[-1] if said else None)


@settings(deadline=None)
@given(layers)
def test_a_layer_over_itself_changes_nothing(layer: Any) -> None:
    once = stacked([table(layer)], KEYS)
    assert plain(merge(once, table(layer), KEYS)) == plain(once)


def test_health_defaults_come_from_the_model(folder: Folder) -> None:
    assert folder.one("app: shop\ntargets: {t: {provider: docker}}\n").health == Health()
