"""Secrets neither pass nor print."""

# ruff: noqa: E501  # tables of sentences are read line by line

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.secretlike import masked, secret_name, secret_pair
from deployer.errors import ConfigError

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

CANARY = "hunter2canary"
LOCAL = "targets: {local: {provider: docker}}\n"


@pytest.mark.parametrize(
    "name",
    ["PASSWORD", "DB_PASSWORD", "JWT_SECRET", "JWT_SECRET_KEY", "API_KEY", "STRIPE_APIKEY", "PGPASSWORD",
     "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "db_password", "smtp-password", "ENCRYPTION_KEY"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["TOKEN_TTL", "PASSWORD_MIN_LENGTH", "SECRET_NAME", "TOKEN_URL", "NEXT_PUBLIC_API_KEY", "KEYBOARD",
     "STRIPE_PUBLISHABLE_KEY", "AUTHOR", "ACCESS_TOKEN_EXPIRE_MINUTES", "PASSWORD_FILE", "MONKEY"],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert not secret_name(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", "postgres://user:pw@host/db"),
        ("X", "AKIAIOSFODNN7EXAMPLE"),
        ("X", "-----BEGIN RSA PRIVATE KEY-----"),
        ("X", "ghp_" + "a" * 36),
        ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"),
        ("DB_PASSWORD", "x"),
    ],
)
def test_pairs_that_are_secrets(name: str, value: str) -> None:
    assert secret_pair(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", "https://shop.example/a:b@c"),
        ("CSRF_TOKEN", "true"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/app/key.json"),
        ("DB_PASSWORD", ""),
    ],
)
def test_pairs_that_are_none(name: str, value: str) -> None:
    assert not secret_pair(name, value)


@pytest.mark.parametrize(
    "text",
    [
        f"env: {{DB_PASSWORD: {CANARY}}}",
        f"env: {{A: 1, DB_PASSWORD: '{CANARY}, x', B: [2]}}",
        f'env:\n  DB_PASSWORD: "{CANARY}"',
        f"env:\n  DB_PASSWORD: |\n    {CANARY}",
        f"env: {{URL: 'postgres://u:{CANARY}@h/x'}}",
        f"build: {{args: {{API_KEY: {CANARY}}}}}",
        f"secrets: {{A: 'postgres://u:{CANARY}@h/x'}}",
        f"env: {{DB_PASSWORD: [{CANARY}]}}",
        f"env: {{DB_PASSWORD: {CANARY}}}\nport: [",
        f"env: {{DB_PASSWORD: {CANARY}",
        f"DB_PASSWORD: {CANARY}",
        f"port: 'postgres://u:{CANARY}@h/x'",
    ],
)
def test_no_message_holds_the_value(folder: Folder, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        folder.load(f"app: shop\n{text}\n{LOCAL}")
    for problem in (caught.value, *caught.value.problems):
        said = (problem.what, problem.where, problem.why, problem.fix, *problem.evidence)
        assert CANARY not in str(said)


def test_a_secret_from_a_variable_is_refused_too(folder: Folder) -> None:
    text = f"app: shop\nenv: {{DB_URL: '${{URL}}'}}\n{LOCAL}"
    environ = {"URL": f"postgres://u:{CANARY}@h/x"}
    what = "env.DB_URL looks like a secret, and stands here in plain text"
    fix = "write it under `secrets:`, with where the target keeps it"
    found = folder.mistakes(lambda: folder.place(text, environ=environ))
    assert found == [("deployer.yaml:2:15", what, fix)]


def test_build_arguments(folder: Folder) -> None:
    text = f"app: shop\nbuild: {{args: {{API_KEY: {CANARY}}}}}\n{LOCAL}"
    assert folder.mistakes(lambda: folder.load(text)) == [
        (
            "deployer.yaml:2:25",
            "build.args.API_KEY looks like a secret, and stands here in plain text",
            "build arguments stay in the image's history; use build.secrets",
        )
    ]


@settings(deadline=None)
@given(st.text("ab_ :={},'\"", max_size=20), st.text("ab ,:'\"}", max_size=20))
def test_nothing_after_a_secrets_name_is_shown(before: str, after: str) -> None:
    assert CANARY not in masked(f"{before} DB_PASSWORD: {CANARY}{after}")
