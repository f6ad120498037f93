"""deployer init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from deployer.cli.common import Output, command
from deployer.cli.console import console
from deployer.errors import ConfigError
from deployer.render.json_ import dump

FILE = "deployer.yaml"
Folder = Annotated[Path, Argument(help="where the application is")]
Force = Annotated[bool, Option("--force", help="write over a file that is there")]
Print = Annotated[bool, Option("--print", help="print it and write nothing")]


@command
def run(
    output: Output, folder: Folder = Path(), force: Force = False, print_: Print = False
) -> int:
    """Write a commented deployer.yaml for what is in this folder.

    It loads as it is, and ships to the local Docker engine. The JSON Schema that its first line
    names is written beside it; nothing else is touched.
    """
    from deployer.config import Installed
    from deployer.config.jsonschema import json_schema
    from deployer.init import SCHEMA, propose

    to = console("init", output)
    path = folder / FILE
    if not print_:
        _refuse(folder, path, force)
    text = propose(folder)
    if print_:
        to.text(text.rstrip("\n"))
        return to.done(file=None, content=text)
    _write(path, text)
    _write(folder / SCHEMA, dump(json_schema(Installed()), indent=2) + "\n")
    to.text(f"wrote {path}")
    to.note(f"{SCHEMA} beside it tells editors what may stand there", "")
    to.note("next:", "  deployer check", "  deployer plan", "  deployer ship")
    return to.done(file=str(path), content=text)


def _refuse(folder: Path, path: Path, force: bool) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder", fix="deployer init FOLDER")
    if path.exists() and not force:
        raise ConfigError(
            f"{path} is there already, so nothing was written",
            fix="deployer init --print shows what would be written; --force writes over it",
        )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
