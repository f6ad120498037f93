"""What changes, in lines a person reads."""

from __future__ import annotations

from msgspec.structs import replace

from deployer.difference import differences
from deployer.model import Health, Resources, Scale, SecretRef, Spec
from deployer.quantity import Bytes, Seconds
from tests.support.story import spec_of

BASE = spec_of("one")


def test_nothing_changed_says_nothing() -> None:
    assert differences(BASE, BASE) == ()


def test_a_variable_is_added_changed_and_removed() -> None:
    was = replace(BASE, env={"A": "1", "B": "2"})
    now = replace(BASE, env={"B": "3", "C": ""})
    assert differences(was, now) == ("- env.A: 1", "~ env.B: 2 -> 3", "+ env.C: ")


def test_every_field_that_makes_another_release_is_told() -> None:
    changed: tuple[dict[str, object], ...] = (
        {"image": spec_of("two").image},
        {"port": 9000},
        {"command": ("serve",)},
        {"env": {"A": "1"}},
        {"secrets": {"KEY": SecretRef(ref="key")}},
        {"health": Health(path="/health")},
        {"health": Health(command=("check",))},
        {"health": Health(interval=Seconds(60))},
        {"health": Health(timeout=Seconds(60))},
        {"health": Health(retries=9)},
        {"health": Health(start_period=Seconds(60))},
        {"resources": Resources(cpu=2.0)},
        {"resources": Resources(memory=Bytes(1024))},
        {"scale": Scale(min=2, max=2)},
        {"scale": Scale(max=2)},
        {"volumes": {"data": "/data"}},
        {"stop_grace": Seconds(5)},
        {"options": {"tag": "x"}},
    )
    for change in changed:
        now: Spec = replace(BASE, **change)
        assert now.fingerprint != BASE.fingerprint, change
        assert len(differences(BASE, now)) == 1, change


def test_words_of_a_command_are_told_apart() -> None:
    was, now = replace(BASE, command=("a b",)), replace(BASE, command=("a", "b"))
    assert differences(was, now) == ("~ command: 'a b' -> a b",)


def test_of_a_first_release_only_what_is_not_usual_is_told() -> None:
    lines = differences(None, replace(BASE, env={"A": "1"}))
    assert [line.split(":")[0] for line in lines] == ["+ env.A", "+ image", "+ port"]


def test_a_secret_is_named_and_nothing_of_it_is_shown() -> None:
    was = replace(BASE, secrets={"KEY": SecretRef(ref="old-ref", version="1", fingerprint="aaa")})
    now = replace(BASE, secrets={"KEY": SecretRef(ref="new-ref", version="2", fingerprint="bbb")})
    assert differences(was, now) == ("~ secrets.KEY: (secret) -> (secret, changed)",)
    assert differences(BASE, now) == ("+ secrets.KEY: (secret)",)
    assert differences(now, BASE) == ("- secrets.KEY: (secret)",)


def test_a_new_version_of_a_secret_is_a_change() -> None:
    was = replace(BASE, secrets={"KEY": SecretRef(ref="key", version="1")})
    now = replace(BASE, secrets={"KEY": SecretRef(ref="key", version="2")})
    assert differences(was, now) == ("~ secrets.KEY: (secret) -> (secret, changed)",)
