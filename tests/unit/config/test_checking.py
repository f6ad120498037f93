"""Every mistake in words, at its place, all at once."""

# ruff: noqa: E501  # tables of sentences are read line by line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

LOCAL = "targets: {local: {provider: docker}}\n"


@pytest.mark.parametrize(
    ("line", "column", "what", "fix"),
    [
        ("prot: 80", 1, '"prot" is no key of the file', 'did you mean "port"?'),
        ("memory: 1Gi", 1, '"memory" is no key of the file', '"memory" belongs under resources'),
        (
            "interval: 1s",
            1,
            '"interval" is no key of the file',
            '"interval" belongs under health',
        ),
        ("healthcheck: {}", 1, '"healthcheck" is no key of the file', 'did you mean "health"?'),
        ("environment: {}", 1, '"environment" is no key of the file', 'did you mean "env"?'),
        ("protected: true", 1, '"protected" is no key of the file', '"protected" belongs to an environment'),
        (
            "soak: 2h",
            1,
            '"soak" is no key of the file',
            '"soak" belongs to an environment, under promote',
        ),
        (
            "health: {port: 1}",
            10,
            '"port" is no key of `health`',
            '"port" belongs to a service',
        ),
        ("port: 80a", 7, 'port: needs a whole number from 1 to 65535, has the text "80a"', None),
        ("port: 0", 7, "port: needs a whole number from 1 to 65535, has the number 0", None),
        ("port: 65536", 7, "port: needs a whole number from 1 to 65535, has the number 65536", None),
        ("port: 010", 7, 'port: needs a whole number from 1 to 65535, has the text "010"', None),
        ("port: [1]", 7, "port: needs a whole number from 1 to 65535, has a list", None),
        ("port:", 6, "port has no value", "write one, or null to take an inherited one away"),
        (
            "health: {path: /h, interval: 30}",
            30,
            "health.interval: needs a duration like 30s or 1h30m, has the number 30",
            "write 30s",
        ),
        (
            "resources: {memory: 1GB}",
            21,
            'resources.memory: needs a size like 512Mi or 1Gi, has the text "1GB"',
            None,
        ),
        ("resources: {cpu: 0}", 18, "resources.cpu: needs a number above 0, has the number 0", None),
        (
            "verify: insid",
            9,
            'verify: needs one of outside, platform, none, has the text "insid"',
            None,
        ),
        (
            "command: gunicorn app",
            10,
            'command: needs a list, has the text "gunicorn app"',
            "write [gunicorn, app]",
        ),
        ("env: [A]", 6, "env: needs a mapping of names to values, has a list", None),
        ("env: {A: [1]}", 10, "env.A: needs a text, has a list", None),
        (
            "env: {1X: a}",
            7,
            "env: \"1X\" is not a variable's name: letters, digits and _, no digit first",
            None,
        ),
        ("build: ./backend", 8, 'build: needs a mapping, has the text "./backend"', None),
        (
            "build: {attest: yes}",
            17,
            'build.attest: needs true or false, has the text "yes"',
            None,
        ),
        ("image: x\nbuild: {}", 1, '"build" and "image" exclude each other', "keep one of them"),
        (
            "health: {path: /h, command: [x]}",
            20,
            '"path" and "command" exclude each other',
            "keep one of them",
        ),
        (
            "rollout: {stages: [100], linear: {percent: 10}}",
            26,
            '"stages" and "linear" exclude each other',
            "keep one of them",
        ),
        (
            "rollout: {stages: [50, 10]}",
            19,
            "rollout.stages: needs rising percentages that end with 100, has [50, 10]",
            "write for example [10, 50, 100]",
        ),
        (
            "release: {timeout: 5m}",
            10,
            "release.command is missing: `release` needs it",
            "write command: … ()",
        ),
        ("release: {command: []}", 20, "release.command: needs at least one item, has a list", None),
        (
            "volumes: {data: here}",
            17,
            "volumes.data: needs an absolute path in the container, as /data or /data:ro, "
            'has the text "here"',
            None,
        ),
        (
            "scale: {min: 3}",
            14,
            "scale.min is 3 and scale.max is 1, the default",
            "write scale.max: 3 or more",
        ),
        (
            "port: 1\nhealth: {path: up}",
            16,
            'health.path: needs a path that starts with /, has "up"',
            "write /up",
        ),
        (
            "health: {path: /up}",
            16,
            "health.path needs a port to be asked at, and the service has none",
            "write port:, or health.command for a worker",
        ),
        (
            "verify: outside",
            9,
            "verify: outside needs a port to be asked at, and the service has none",
            "write port:, or verify: platform",
        ),
        (
            "build: {platform: amd64}",
            19,
            'build.platform: needs system/architecture, has "amd64"',
            "write linux/amd64 or linux/arm64",
        ),
        (
            "service: a\nservices: {a: {build: {}}}",
            1,
            '"service" and "services" exclude each other',
            "keep one of them",
        ),
        ("state: /var/x", 8, "state: needs an address, as s3://…, gs://…, az://… or file://…, "
         'has the text "/var/x"', None),
        ("stop_grace: 500d", 13, 'stop_grace: needs a duration up to 400 days, has the text "500d"', None),
    ],
)  # fmt: skip
def test_one_mistake(folder: Folder, line: str, column: int, what: str, fix: str | None) -> None:
    number = line.count("\n") + 2
    where = f"deployer.yaml:{number}:{column}"
    found = folder.mistakes(lambda: folder.load(f"app: shop\n{line}\n{LOCAL}"))
    assert (where, what, fix) in found


@pytest.mark.parametrize(
    ("targets", "what", "fix"),
    [
        ("{a: {provider: docke}}", 'provider "docke" is not installed', 'did you mean "docker"?'),
        ("{a: {}}", 'target "a" has no provider',
         "known targets of the file are: a; or write provider: …"),
        ("{a: {provider: gcp, project: shop-x}}", "region is missing: a gcp target needs it",
         "write region: … (as europe-west1)"),
        ("{a: {provider: docker, publsh: 1}}", '"publsh" is no key of a docker target',
         'did you mean "publish"?'),
        ("{a: {provider: docker, publish: x}}",
         "publish: needs a port, or address:port, as 8080 or 127.0.0.1:8080, has the text \"x\"", None),
        ("{a: {provider: docker, logs: {max_files: 0}}}",
         "logs.max_files: needs a whole number from 1 to 100, has the number 0", None),
        ("{a: {provider: docker, services: {api: {port: 1}}}}",
         'service "api" does not exist', "known services are: shop"),
        ("{a: {provider: '${P}'}}", "${P} is not filled in here", "write the value itself"),
        ("{A: {provider: docker}}",
         'targets: "A" is not a name of at most 40 lower-case letters, digits and dashes, as shop-api',
         None),
        ("{a: 3}", "targets.a: needs a mapping, has the number 3", None),
        ("{}", "no target is declared: there is nowhere to deploy to",
         "write targets: {local: {provider: docker, publish: 8080}}"),
    ],
)  # fmt: skip
def test_one_mistake_in_a_target(folder: Folder, targets: str, what: str, fix: str | None) -> None:
    found = folder.mistakes(lambda: folder.load(f"app: shop\ntargets: {targets}\n"))
    assert (what, fix) in [(said, how) for _, said, how in found]


@pytest.mark.parametrize(
    ("environments", "what", "fix"),
    [
        ("{a: {targets: {locl: {}}}}", 'target "locl" has no provider',
         'did you mean "local"?; or write provider: …'),
        ("{a: {targets: {local: {provider: gcp}}}}", 'target "local" is docker in the file and gcp here',
         "give one of them another name"),
        ("{a: {promote: {from: b}}}", 'promote.from: environment "b" does not exist',
         "known environments are: a"),
        ("{a: {promote: {soak: 1h}}}", "promote.from is missing: `promote` needs it",
         "write from: … (environment, or list, that proves it first)"),
        ("{a: {promote: {from: b}}, b: {promote: {from: [a]}}}",
         "environments promote from each other: a -> b -> a", "remove one of the steps"),
        ("{a: {}, b: {promote: {from: a, soak: '${S}'}}}", "${S} is not filled in here",
         "write the value itself"),
        ("{a: {}, b: {promote: {from: a, allow: [{cron: '0 25 * * *', for: 1h}]}}}",
         "cron: hour: needs 0 to 23, ranges, steps or *, has 25", None),
        ("{a: {}, b: {promote: {from: a, allow: [{cron: '0 9 * *', for: 1h}]}}}",
         "cron: needs five fields (minute hour day month weekday), has 4", None),
        ("{a: {}, b: {promote: {from: a, allow: [{cron: '0 9 * * 1'}]}}}",
         '"cron" and "for" of a window go together', None),
        ("{a: {}, b: {promote: {from: a, deny: [{from: 2026-12-20, to: 2026-12-19}]}}}",
         "the window ends (2026-12-19) before it begins", None),
        ("{a: {}, b: {promote: {from: a, deny: [{from: 2026-02-30, to: 2026-12-19}]}}}",
         "2026-02-30 is no day: day is out of range for month", None),
        ("{a: {}, b: {promote: {from: a, deny: [{reason: x}]}}}",
         'a window of "deny" needs "cron" and "for", or "from" and "to"', None),
        ("{a: {}, b: {promote: {from: a, checks: [{expect: 200}]}}}",
         'a check needs "http" or "run"', None),
        ("{a: {}, b: {promote: {from: a, approval: 11}}}",
         "promote.approval: needs a whole number from 0 to 10, has the number 11", None),
        ("{a: {protcted: true}}", '"protcted" is no key of an environment',
         'did you mean "protected"?'),
    ],
)  # fmt: skip
def test_one_mistake_in_an_environment(
    folder: Folder, environments: str, what: str, fix: str | None
) -> None:
    text = f"app: shop\n{LOCAL}environments: {environments}\n"
    found = folder.mistakes(lambda: folder.load(text))
    assert (what, fix) in [(said, how) for _, said, how in found]


def test_unknown_timezone(folder: Folder) -> None:
    window = "{cron: '0 9 * * *', for: 1h, timezone: Europe/Berln}"
    text = f"app: shop\n{LOCAL}environments: {{a: {{}}, b: {{promote: {{from: a, allow: [{window}]}}}}}}"
    ((_, what, fix),) = folder.mistakes(lambda: folder.load(text))
    assert what == 'timezone: "Europe/Berln" is not known'
    assert fix == "write an IANA name, as Europe/Berlin"


def test_depends_on(folder: Folder) -> None:
    text = "app: shop\nservices:\n  a: {build: {}, depends_on: [b]}\n  b: {build: {}, depends_on: [a, c]}\n"
    found = folder.mistakes(lambda: folder.load(text + LOCAL))
    assert ("deployer.yaml:4:34", 'depends_on: service "c" does not exist',
            "known services are: a, b") in found  # fmt: skip
    assert ("deployer.yaml:2:1", "services wait for each other: a -> b -> a",
            "remove one of the steps") in found  # fmt: skip


def test_several_services_each_say_what_they_run(folder: Folder) -> None:
    text = "app: shop\nservices: {a: {build: {}}, b: {port: 1}}\n"
    assert folder.mistakes(lambda: folder.load(text + LOCAL)) == [
        (
            "deployer.yaml:2:28",
            'service "b" has neither "build" nor "image"',
            "write build: {context: ./folder}",
        )
    ]


def test_all_mistakes_at_once_in_the_order_of_the_file(folder: Folder) -> None:
    text = "app: Shop\nprot: 1\nport: x\ntargets: {a: {provider: docker, keep: 0}}\n"
    found = folder.mistakes(lambda: folder.load(text))
    assert [where for where, _, _ in found] == [
        "deployer.yaml:1:6",
        "deployer.yaml:2:1",
        "deployer.yaml:3:7",
        "deployer.yaml:4:39",
    ]


def test_one_mistake_is_told_once_whatever_the_number_of_targets(folder: Folder) -> None:
    text = "app: shop\nport: x\ntargets: {a: {provider: docker}, b: {provider: docker}}\n"
    assert len(folder.mistakes(lambda: folder.load(text))) == 1


def test_keys_for_anchors(folder: Folder) -> None:
    text = "app: shop\nx-common: &c {port: 80, env: {A: no}}\n<<: *c\n" + LOCAL
    assert folder.one(text).port == 80
    assert folder.one(text).env == {"A": "no"}
