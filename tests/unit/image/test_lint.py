from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.image.context import read_context
from deployer.image.leaks import Severity, leaks
from deployer.image.lint import LARGE, lint

GOOD = f"""FROM r.example/py@sha256:{"ab" * 32}
COPY app /app
USER 10001
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000"]
"""


def rules(root: Path, text: str, **other: Any) -> list[tuple[str, int]]:
    (root / "Dockerfile").write_text(text)
    return [(each.rule, each.line) for each in lint(read_context(root), **other)]


def test_a_good_one_gives_nothing(tmp_path: Path) -> None:
    assert rules(tmp_path, GOOD, port=8000, platform="linux/amd64", protected=True) == []


@pytest.mark.parametrize(
    ("change", "rule", "line"),
    [
        (("USER 10001", "USER root"), "root-user", 3),
        (("USER 10001", "USER 0:0"), "root-user", 3),
        (("USER 10001\n", ""), "root-user", 1),
        (("@sha256:" + "ab" * 32, ":3.12"), "floating-base", 1),
        (("USER 10001", "ENV API_TOKEN=x\nUSER 1"), "secret-variable", 3),
        (("USER 10001", "ARG DB_PASSWORD\nUSER 1"), "secret-variable", 3),
        (("USER 10001", "ENV A=1 PIP_TOKEN=x\nUSER 1"), "secret-variable", 3),
        (("COPY app /app", "COPY . /app"), "no-dockerignore", 2),
        (("COPY app /app", "ADD https://x.example/a /a"), "unchecked-download", 2),
        (("COPY app /app", "RUN curl -s https://x.example | sh"), "unchecked-download", 2),
        (("COPY app /app", "RUN wget -O- x.example | sudo bash"), "unchecked-download", 2),
        (('["gunicorn", "--bind", "0.0.0.0:8000"]', "gunicorn"), "shell-form", 5),
        (("EXPOSE 8000", "EXPOSE 9000/tcp"), "port-mismatch", 4),
        (("0.0.0.0:8000", "127.0.0.1:8000"), "loopback-bind", 5),
        (("FROM ", "FROM --platform=linux/arm64 "), "platform-mismatch", 1),
        (("COPY app /app", "RUN apt-get install -y gcc"), "build-tools", 2),
        (("USER 10001", "HEALTHCHECK CMD true\nUSER 1"), "healthcheck", 3),
    ],
)
def test_each_rule(tmp_path: Path, change: tuple[str, str], rule: str, line: int) -> None:
    found = rules(tmp_path, GOOD.replace(*change), port=8000, platform="linux/amd64")
    assert found == [(rule, line)]


def test_only_the_final_stage_must_not_be_root(tmp_path: Path) -> None:
    text = GOOD.replace("FROM", "FROM scratch AS build\nUSER root\nFROM")
    assert rules(tmp_path, text) == []


def test_root_is_an_error_where_protected(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD.replace("USER 10001\n", ""))
    [warning] = lint(read_context(tmp_path))
    [error] = lint(read_context(tmp_path), protected=True)
    assert (warning.severity, error.severity) == (Severity.WARN, Severity.ERROR)


SECRETS = {
    "private-key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "aws-access-key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "google-service-account": '"type": ' + '"service_account"',
    "azure-storage-key": "AccountKey=" + "A" * 86 + "==",
    "github-token": "ghp_" + "a1" * 18,
    "gitlab-token": "glpat-" + "a" * 20,
    "slack-token": "xoxb-" + "1234567890",
    "stripe-key": "sk_live_" + "a1" * 12,
}


@pytest.mark.parametrize("rule", SECRETS)
def test_a_secret_in_a_file_is_found_and_not_repeated(tmp_path: Path, rule: str) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD)
    (tmp_path / "settings.py").write_text(f"a\nb = 1\nc = '{SECRETS[rule]}'\n")
    [found] = leaks(read_context(tmp_path))
    assert (found.rule, found.line, found.severity) == (rule, 3, Severity.ERROR)
    assert SECRETS[rule] not in repr(found)
    (tmp_path / ".dockerignore").write_text("settings.py\n")
    assert leaks(read_context(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "leaky"),
    [
        (".env", True),
        ("app/.env.production", True),
        (".env.example", False),
        (".env.prod.sample", False),
        ("deploy/id_rsa", True),
        ("id_rsa.pub", False),
        ("a.pem", False),
        ("tls.key", True),
        (".npmrc", True),
        ("terraform.tfstate", True),
        ("service-account-x.json", True),
        ("environment.py", False),
        ("keyboard.py", False),
    ],
)
def test_files_by_name(tmp_path: Path, name: str, leaky: bool) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("x")
    found = [(each.rule, each.file) for each in leaks(read_context(tmp_path))]
    assert found == ([("secret-file", tmp_path / name)] if leaky else [])


def test_git_in_the_context(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(GOOD)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    assert [each.rule for each in leaks(read_context(tmp_path))] == ["git-in-context"]


def test_a_context_of_hundreds_of_megabytes_is_told(tmp_path: Path) -> None:
    with (tmp_path / "dump.sql").open("wb") as sparse:
        sparse.truncate(LARGE + 1)
    assert rules(tmp_path, GOOD) == [("large-context", 1)]
    (tmp_path / ".dockerignore").write_text("*.sql\n")
    assert rules(tmp_path, GOOD) == []
