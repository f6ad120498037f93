"""From the file to placements: the contract's example, names, choices, sentences."""

# ruff: noqa: E501  # tables of sentences are read line by line

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.config import App, choose, find, load, resolve, setting
from deployer.errors import ConfigError
from deployer.model import Build, EngineImage, Proof, SecretRef

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

LOCAL = "targets: {local: {provider: docker}}\n"
EXAMPLE = Path(__file__).parent / "contract.yaml"


@pytest.fixture
def example(folder: Folder) -> App:
    folder.write("LOG_LEVEL=info\n", "common.env")
    return folder.load(EXAMPLE.read_text())


def test_the_whole_example(example: App) -> None:
    assert (example.name, example.services, example.state) == (
        "shop",
        ("api",),
        "gs://shop-deployer",
    )
    production = example.environments["production"]
    assert (production.protected, production.targets) == (True, ("gcp", "aws"))
    assert production.promote is not None
    assert (production.promote.from_, production.promote.soak) == ("staging", 7200.0)
    assert production.promote.allow[0].for_ == 25200.0
    assert production.promote.deny[0].reason == "holidays"


def test_the_examples_placements(example: App) -> None:
    (staging,) = resolve(example, "staging")
    gcp, aws = resolve(example, "production")
    assert str(staging.scope) == "staging/gcp/api"
    assert staging.scope.name == "shop-api-staging"
    assert staging.options == {"project": "shop-staging", "region": "europe-west1"}
    assert gcp.options["project"] == "shop-prod"
    assert (gcp.rollout.stages, aws.rollout.stages) == ((10, 50, 100), (100,))
    assert gcp.rollout.bake == 300.0  # said by the service, kept below the target's stages
    assert staging.env == {
        "LOG_LEVEL": "info",
        "ENVIRONMENT": "staging",
        "CORS_ORIGINS": "https://shop.example",
    }
    assert gcp.env["ENVIRONMENT"] == "production"
    assert (staging.protected, gcp.protected) == (False, True)
    assert staging.build is not None
    assert staging.build.secrets == ("pip_token",)
    assert staging.release is not None
    assert staging.release.timeout == 600.0


def test_only_what_was_asked_for(example: App) -> None:
    (aws,) = resolve(example, "production", ["aws"])
    assert aws.provider == "aws"


@pytest.mark.parametrize(
    ("arguments", "what", "fix"),
    [
        (("prod",), 'environment "prod" does not exist', 'did you mean "production"?'),
        (("staging", ["aws"]), 'target "aws" does not exist', "known targets are: gcp"),
        (("staging", [], ["web"]), 'service "web" does not exist', "known services are: api"),
        (
            (None,),
            "deployer.yaml has several environments: staging, production",
            "name one: -e staging",
        ),
    ],
)
def test_what_does_not_exist(example: App, arguments: tuple[str], what: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(example, *arguments)
    assert (caught.value.what, caught.value.fix) == (what, fix)


def test_the_smallest_file(folder: Folder) -> None:
    one = folder.one(f"app: shop\n{LOCAL}")
    assert (one.scope.environment, one.scope.service, one.scope.name) == (
        "default",
        "shop",
        "shop",
    )
    assert (one.build, one.image, one.port, one.verify) == (Build(), None, None, Proof.OUTSIDE)


def test_a_protected_environment_must_be_named(folder: Folder) -> None:
    app = folder.load(f"app: shop\n{LOCAL}environments: {{live: {{protected: true}}}}\n")
    assert choose(app, "live") == "live"
    with pytest.raises(ConfigError) as caught:
        choose(app, None)
    assert caught.value.what == 'environment "live" is protected and must be named'
    assert caught.value.fix == "-e live"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("app: shop\n", "shop"),
        ("app: shop\nservice: api\n", "shop-api"),
        ("app: shop\nservice: shop\n", "shop"),
        ("app: shop\nenvironments: {live: {}}\n", "shop-live"),
        ("app: shop\nenvironments: {default: {}}\n", "shop-default"),
        ("app: shop\nservice: api\nenvironments: {live: {}}\n", "shop-api-live"),
        ("app: shop\nenvironments: {live: {targets: {local: {name: Old_Shop}}}}\n", "Old_Shop"),
        ("app: shop\nenvironments: {live: {targets: {local: {name: 's-${DEPLOYER_ENVIRONMENT}'}}}}\n",
         "s-live"),
    ],
)  # fmt: skip
def test_names_at_the_provider(folder: Folder, head: str, name: str) -> None:
    assert folder.one(head + LOCAL).scope.name == name


def test_a_name_that_is_too_long(folder: Folder) -> None:
    long = "a" * 40
    text = f"app: {long}\nservice: {long[1:]}\n{LOCAL}"
    assert folder.mistakes(lambda: folder.place(text)) == [
        (
            "deployer.yaml:3:11",
            f'the name "{long}-{long[1:]}" has more than 63 characters',
            "write a shorter `name:` in the target",
        )
    ]


def test_services_come_in_the_order_of_what_they_need(folder: Folder) -> None:
    text = """\
    app: shop
    services:
      web: {build: {context: web}, port: 3000, depends_on: [api]}
      api: {build: {context: api}, port: 5000, depends_on: [db]}
      db: {image: "postgres:15", volumes: {data: /var/lib/postgresql/data}}
    targets:
      local: {provider: docker, services: {web: {publish: 8080}, api: {publish: 8081, name: backend}}}
    """
    placements = folder.place(text)
    assert [one.scope.service for one in placements] == ["db", "api", "web"]
    assert [one.scope.name for one in placements] == ["shop-db", "backend", "shop-web"]
    assert placements[1].depends_on == ("db",)
    assert [one.options.get("publish") for one in placements] == [None, "8081", "8080"]


def test_what_only_one_service_can_have(folder: Folder) -> None:
    text = "app: shop\nservices: {a: {build: {}}, b: {build: {}}}\n"
    text += "targets: {local: {provider: docker, publish: 8080, name: x}}\n"
    assert folder.mistakes(lambda: folder.place(text)) == [
        ("deployer.yaml:3:1", "services a and b both have name x on local",
         "write name under targets.local.services.b"),
        ("deployer.yaml:3:1", "services a and b both have publish 8080 on local",
         "write publish under targets.local.services.b"),
    ]  # fmt: skip


def test_targets_of_an_environment(folder: Folder) -> None:
    text = (
        LOCAL + "app: shop\nenvironments:\n  a: {}\n  b: {targets: {other: {provider: docker}}}\n"
    )
    app = folder.load(text)
    assert app.environments["a"].targets == ("local",)
    assert app.environments["b"].targets == ("other",)


def test_a_spec_of_a_placement(folder: Folder) -> None:
    one = folder.one(
        f"app: shop\nport: 80\nsecrets: {{A: x}}\nenv: {{B: 1}}\nstop_grace: 5s\n{LOCAL}"
    )
    image = EngineImage(name="shop", digest="sha256:" + "0" * 64)
    assert one.spec(image).secrets == {"A": SecretRef(ref="x")}
    pinned = {"A": SecretRef(ref="x", version="3")}
    spec = one.spec(image, pinned)
    assert (spec.secrets, spec.image, spec.env, spec.port) == (pinned, image, {"B": "1"}, 80)
    assert spec.stop_grace == 5.0


def test_state_takes_variables(folder: Folder) -> None:
    text = f"app: shop\nstate: 'gs://${{BUCKET}}/${{DEPLOYER_APP}}'\n{LOCAL}"
    assert folder.load(text, {"BUCKET": "b"}).state == "gs://b/shop"
    assert folder.mistakes(lambda: folder.load(text)) == [
        ("deployer.yaml:2:8", "${BUCKET} has no value",
         "set BUCKET in the environment, or give a default: ${BUCKET:-…}")
    ]  # fmt: skip


# -- finding -----------------------------------------------------------------------------------


def test_the_nearest_file_above_is_found(folder: Folder) -> None:
    file = folder.write("app: shop\n")
    below = folder.path / "src" / "deep"
    below.mkdir(parents=True)
    assert find(below) == file
    assert find(below, file) == file
    assert find(below, folder.path) == file


def test_a_file_that_is_spelled_otherwise(folder: Folder) -> None:
    folder.write("app: shop\n", "deployer.yml")
    with pytest.raises(ConfigError) as caught:
        find(folder.path)
    assert caught.value.what == "deployer.yml is not read: the file is called deployer.yaml"
    assert caught.value.fix == "mv deployer.yml deployer.yaml"


def test_no_file(folder: Folder) -> None:
    with pytest.raises(
        ConfigError, match=r"^there is no deployer\.yaml here or in a folder above$"
    ):
        find(folder.path)
    with pytest.raises(ConfigError, match=r"^other\.yaml does not exist$"):
        find(folder.path, folder.path / "other.yaml")


def test_flag_then_variable() -> None:
    environ = {"DEPLOYER_TARGET": "a", "DEPLOYER_ENVIRONMENT": ""}
    assert setting("b", "TARGET", environ) == "b"
    assert setting(None, "TARGET", environ) == "a"
    assert setting(None, "ENVIRONMENT", environ) is None


# -- anything at all -----------------------------------------------------------------------------

words = st.sampled_from(
    ["app", "shop", "service", "services", "port", "env", "health", "path", "targets", "local", "a",
     "provider", "docker", "gcp", "environments", "promote", "from", "build", "null", "80", "${X}",
     "release", "command", "rollout", "stages", "scale", "min", "depends_on", "publish", "x-a",
     "allow", "cron", "secrets", "image", "name", "1e400", "9" * 400, "-", "é"]
)  # fmt: skip
trees = st.recursive(
    words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4)
)


def flow(tree: object) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!s}: {flow(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(flow, tree)) + "]"
    return f"'{tree}'" if "$" in str(tree) else str(tree)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(words.filter(lambda word: "$" not in word), trees, max_size=6))
def test_any_tree_gives_placements_or_sentences(folder: Folder, tree: dict[str, object]) -> None:
    path = folder.write(flow({"app": "shop", "targets": {"t": {"provider": "docker"}}, **tree}))
    try:
        app = load(path, {"X": "${X}"}, folder.providers)
        found: list[object] = [resolve(app, environment) for environment in app.environments]
    except ConfigError as error:
        found = list(error.problems)
    assert found
