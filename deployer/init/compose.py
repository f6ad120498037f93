"""What a compose file says, as far as it helps: contexts, ports, names, volumes, order."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from deployer.config.document import tables, word
from deployer.config.reading import Items, Node, Scalar, Table, read
from deployer.errors import ConfigError

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")


class ComposeService(Struct, frozen=True, kw_only=True):
    """One service; `context` None: it uses an image from elsewhere."""

    context: str | None
    dockerfile: str | None = None
    image: str | None = None
    port: str | None = None
    variables: tuple[str, ...] = ()
    volumes: dict[str, str] = {}
    depends_on: tuple[str, ...] = ()


def read_compose(folder: Path) -> tuple[str, dict[str, ComposeService]]:
    """The file's name and its services; nothing where there is none, or none that can be read."""
    for name in FILES:
        path = folder / name
        try:
            _, root = read(path.read_bytes(), name)
        except (OSError, ConfigError):
            continue
        return name, {key: _service(table) for key, table in tables(root, "services").items()}
    return "", {}


def _service(table: Table) -> ComposeService:
    build = table.entries.get("build")
    nested = build if isinstance(build, Table) else None
    plain = build.text if isinstance(build, Scalar) and not build.null else None
    return ComposeService(
        context=(word(nested, "context") or ".") if nested else plain,
        dockerfile=word(nested, "dockerfile") if nested else None,
        image=word(table, "image"),
        port=_port(table),
        variables=tuple(
            name.partition("=")[0] for name in _names(table.entries.get("environment"))
        ),
        volumes=_volumes(table),
        depends_on=tuple(_names(table.entries.get("depends_on"))),
    )


def _port(table: Table) -> str | None:
    for entry in _names(table.entries.get("ports")) + _names(table.entries.get("expose")):
        match = re.search(r"(?:^|:)(\d{1,5})(?:/tcp)?$", entry, re.ASCII)
        if match and 1 <= int(match[1]) <= 65535:
            return match[1]
    return None


def _volumes(table: Table) -> dict[str, str]:
    found = {}
    for entry in _names(table.entries.get("volumes")):
        match = re.fullmatch(r"([a-z][a-z0-9_-]{0,38}[a-z0-9]):(/[\w./-]+)(:ro)?", entry, re.ASCII)
        if match:
            found[match[1].replace("_", "-").rstrip("-")] = match[2] + (match[3] or "")
    return found


def _names(node: Node | None) -> list[str]:
    """Keys of a mapping, or the texts of a list."""
    if isinstance(node, Table):
        return list(node.entries)
    items = node.items if isinstance(node, Items) else []
    return [item.text for item in items if isinstance(item, Scalar)]
