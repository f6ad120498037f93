"""Hints in an application's own files: framework, usual port, health route, migrations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from deployer.init.facts import Found

_LARGEST = 64 << 10
_MOST = 200
_SKIPPED = {"node_modules", "venv", "env", "dist", "build", "site-packages", "tests", "test"}
_ROUTE = re.compile(
    r"[\"'`](/(?:[a-z0-9_-]+/){0,2}(?:health|healthz|healthcheck|livez|readyz))/?[\"'`]"
)
_PYTHON = (  # package, name, usual port
    ("fastapi", "FastAPI", "8000"),
    ("django", "Django", "8000"),
    ("flask", "Flask", "5000"),
)
_NODE = (
    ("next", "Next.js", "3000"),
    ("express", "Express", "3000"),
    ("fastify", "Fastify", "3000"),
)


def read_text(path: Path) -> str:
    """The beginning of a regular file, or nothing."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def usual_port(folder: Path) -> Found | None:
    """The port that the folder's framework listens on when nobody says otherwise."""
    python = "\n".join(
        read_text(folder / name) for name in ("requirements.txt", "pyproject.toml", "Pipfile")
    ).lower()
    for package, name, port in _PYTHON:
        if re.search(rf"(^|[\s\"'\[,]){package}(\W|$)", python):
            return Found(port, f"{name}'s usual port; no EXPOSE in the Dockerfile")
    node = read_text(folder / "package.json")
    for package, name, port in _NODE:
        if f'"{package}"' in node:
            return Found(port, f"{name}'s usual port; no EXPOSE in the Dockerfile")
    return None


def health_route(folder: Path) -> Found | None:
    """A route in the source that looks like a health check."""
    for path in _sources(folder):
        match = _ROUTE.search(read_text(path))
        if match:
            return Found(match[1], f"a route in {path.relative_to(folder).as_posix()}")
    return None


def migration(folder: Path) -> tuple[tuple[str, ...], str] | None:
    """The command that migrates the database, and the file that says so."""
    python = read_text(folder / "requirements.txt") + read_text(folder / "pyproject.toml")
    if (folder / "alembic.ini").is_file():
        return ("alembic", "upgrade", "head"), "alembic.ini"
    if (folder / "migrations").is_dir() and "flask-migrate" in python.lower():
        return ("flask", "db", "upgrade"), "migrations/ and Flask-Migrate"
    if (folder / "manage.py").is_file():
        return ("python", "manage.py", "migrate", "--noinput"), "manage.py"
    if (folder / "prisma" / "schema.prisma").is_file():
        return ("npx", "prisma", "migrate", "deploy"), "prisma/schema.prisma"
    return None


def _sources(folder: Path) -> Iterator[Path]:
    """Source files near the top, in a stable order, at most a few hundred."""
    count = 0
    for pattern in ("*.py", "*.js", "*.ts", "*.go"):
        for depth in ("", "*/", "*/*/"):
            for path in sorted(folder.glob(depth + pattern)):
                hidden = any(
                    part.startswith(".") or part in _SKIPPED for part in path.parts[-3:-1]
                )
                count += not hidden
                if count > _MOST:
                    return
                if not hidden:
                    yield path
