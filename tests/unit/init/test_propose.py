"""A proposal loads as it is, says why, and copies no value."""

# ruff: noqa: E501  # tables of files are read line by line

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer.config import Fixed, Placement, load, resolve
from deployer.init import propose

DOCKER = Fixed({"docker": importlib.import_module("deployer_docker.options").Options})
FLASK = """\
    FROM python:3.12-slim AS build
    RUN pip install -r requirements.txt
    FROM python:3.12-slim AS runtime
    ENV PORT=5000
    USER 1000
    EXPOSE $PORT
    HEALTHCHECK --interval=30s --timeout=10s --start-period=40s --retries=3 \\
      CMD curl -f http://localhost:5000/api/health || exit 1
    CMD ["gunicorn", "app:create_app()"]
"""
PLAIN = "FROM scratch\nUSER 1\n"


def make(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def placed(folder: Path) -> tuple[Placement, ...]:
    """What the proposal for `folder` says when it is loaded."""
    file = folder / "deployer.yaml"
    file.write_text(propose(folder))
    return resolve(load(file, {}, DOCKER))


def test_a_flask_application(tmp_path: Path) -> None:
    files = {
        "Dockerfile": FLASK,
        ".git/config": '[remote "origin"]\n\turl = git@host:me/My_Shop.git\n',
    }
    folder = make(tmp_path / "checkout", files)
    (one,) = placed(folder)
    assert (one.scope.app, one.port) == ("my-shop", 5000)
    assert (one.health.path, one.health.start_period, one.health.retries) == (
        "/api/health",
        40.0,
        3,
    )
    assert one.options == {"publish": "8080"}
    lines = propose(folder).splitlines()
    assert lines[0] == "# yaml-language-server: $schema=deployer.schema.json"
    assert "app: my-shop                   # the name of the git remote" in lines
    assert "port: 5000                     # EXPOSE in the Dockerfile" in lines
    assert "  # gcp:                       # Cloud Run" in lines
    assert not any("runs as root" in line for line in lines)


@pytest.mark.parametrize(
    ("files", "port", "why"),
    [
        ({"requirements.txt": "Flask==3\n"}, 5000, "Flask's usual port"),
        ({"requirements.txt": "fastapi[all]>=0.1\nuvicorn\n"}, 8000, "FastAPI's usual port"),
        ({"pyproject.toml": 'dependencies = ["django>=5"]\n'}, 8000, "Django's usual port"),
        ({"package.json": '{"dependencies": {"next": "15"}}'}, 3000, "Next.js's usual port"),
        ({"package.json": '{"dependencies": {"express": "4"}}'}, 3000, "Express's usual port"),
        ({"compose.yaml": "services: {web: {build: ., ports: ['80:4000']}}"}, 4000, "ports of the compose file"),
        ({"main.go": "package main\n"}, None, "without one: a worker"),
    ],
)  # fmt: skip
def test_ports(tmp_path: Path, files: dict[str, str], port: int | None, why: str) -> None:
    folder = make(tmp_path, {"Dockerfile": PLAIN, **files})
    assert [one.port for one in placed(folder)] == [port]
    assert why in propose(folder)


def test_a_health_route_in_the_source(tmp_path: Path) -> None:
    source = '@app.get("/api/health")\ndef health(): ...\n'
    folder = make(tmp_path, {"Dockerfile": PLAIN + "EXPOSE 80\n", "src/main.py": source})
    assert placed(folder)[0].health.path == "/api/health"
    assert "# a route in src/main.py" in propose(folder)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("alembic.ini", "[alembic, upgrade, head]"),
        ("manage.py", "[python, manage.py, migrate, --noinput]"),
        ("prisma/schema.prisma", "[npx, prisma, migrate, deploy]"),
    ],
)
def test_migrations_are_offered_and_not_switched_on(
    tmp_path: Path, name: str, command: str
) -> None:
    folder = make(tmp_path, {"Dockerfile": PLAIN, name: ""})
    assert f"# release: {{command: {command}, timeout: 10m}}" in propose(folder)
    assert placed(folder)[0].release is None


def test_names_from_dotenv_and_never_values(tmp_path: Path) -> None:
    canary = "hunter2canary"
    text = f"DATABASE_URL=postgres://u:{canary}@h/x\nLOG_LEVEL={canary}\nexport JWT_SECRET='{canary}'\n"
    compose = f"services: {{web: {{build: ., environment: {{API_KEY: {canary}}}}}}}"
    folder = make(tmp_path, {"Dockerfile": PLAIN, ".env": text, "compose.yaml": compose})
    assert canary not in propose(folder)
    secrets = {name: secret.ref for name, secret in placed(folder)[0].secrets.items()}
    assert secrets == {
        "DATABASE_URL": "env:DATABASE_URL",
        "JWT_SECRET": "env:JWT_SECRET",
        "API_KEY": "env:API_KEY",
    }
    assert "#   LOG_LEVEL: …  # .env" in propose(folder)


def test_a_stack_from_compose(tmp_path: Path) -> None:
    compose = """\
        services:
          db: {image: "postgres:15", volumes: ["postgres_data:/var/lib/postgresql/data"]}
          backend:
            build: ./backend
            volumes: ["app_data:/app/data", "./src:/src"]
            depends_on: {db: {condition: service_healthy}}
          Front_End: {build: {context: frontend, dockerfile: Dockerfile.prod}, depends_on: [backend]}
    """
    files = {
        "docker-compose.yml": compose,
        "backend/Dockerfile": FLASK,
        "frontend/Dockerfile.prod": "FROM node\nEXPOSE 3000\n",
    }
    folder = make(tmp_path, files)
    backend, frontend = placed(folder)
    assert (backend.scope.service, frontend.scope.service) == ("backend", "front-end")
    assert backend.volumes == {"app-data": "/app/data"}
    assert frontend.depends_on == ("backend",)
    assert frontend.build is not None
    assert (frontend.build.context, frontend.build.dockerfile) == ("./frontend", "Dockerfile.prod")
    assert [one.options["publish"] for one in (backend, frontend)] == ["8080", "8081"]
    said = propose(folder)
    assert "# Not shipped: db (postgres:15); use a managed one in the cloud." in said
    assert "# The container runs as root: a USER line in the Dockerfile is safer." in said


def test_folders_with_a_dockerfile_each(tmp_path: Path) -> None:
    folder = make(
        tmp_path, {"api/Dockerfile": FLASK, "web/Dockerfile": PLAIN, ".x/Dockerfile": ""}
    )
    assert [one.scope.service for one in placed(folder)] == ["api", "web"]


def test_an_empty_folder(tmp_path: Path) -> None:
    (one,) = placed(tmp_path)
    assert one.build is not None
    assert "# no Dockerfile yet: write one" in propose(tmp_path)


def test_what_leads_out_or_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    compose = (
        "services: {a: {build: ../other}, b: {build: 'https://x.example/y'}, c: {build: ./c}}"
    )
    make(tmp_path, {"other/Dockerfile": PLAIN})
    folder = make(tmp_path / "here", {"compose.yaml": compose, "Dockerfile": PLAIN})
    assert len(placed(folder)) == 1
    (folder / "compose.yaml").write_text("services: [")
    assert len(placed(folder)) == 1


odd = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
lines = st.sampled_from(
    ["FROM scratch", "FROM a AS runtime", "EXPOSE 80", "EXPOSE 99999", "EXPOSE $P", "USER root",
     "HEALTHCHECK --interval=1h --retries=0 CMD curl http://x/a'b: c#d", "HEALTHCHECK NONE",
     "HEALTHCHECK --timeout=0s CMD wget http://localhost/${X}", "ENV P=81", "\\", "# x", "garbage"]
)  # fmt: skip
texts = st.sampled_from(
    ["", "A=1\nDB_PASSWORD=x\n", "Ä=1\n=\n", "services: {}", "services: {web: {build: .}}", "flask\n",
     "services: {'9 x': {build: ., ports: [99999], volumes: ['v_:/x']}, 9x: {build: .}}",
     "services: {a: {build: ., depends_on: [b]}, b: {build: ., depends_on: [a]}}",
     '[remote "origin"]\nurl = https://h/..git', "'/health'", '"/api/healthz"', "{{{"]
)  # fmt: skip


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(
    odd.filter(lambda name: name not in (".", "..") and len(name.encode()) < 200),
    st.lists(lines, max_size=8),
    st.dictionaries(
        st.sampled_from([".env", "compose.yaml", "requirements.txt", ".git/config", "app.py"]),
        texts,
    ),
)
def test_every_proposal_loads(
    tmp_path_factory: pytest.TempPathFactory, name: str, docker: list[str], files: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("any") / name
    make(folder, {"Dockerfile": "\n".join(docker), **files})
    assert placed(folder)
