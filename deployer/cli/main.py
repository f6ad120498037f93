"""The entry point: finds the verb, imports only that one, turns every end into a code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from deployer import __version__
from deployer.cli.verbs import EPILOG, GROUPS, VERBS

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
NO_TYPER_OUTPUT = {
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "add_completion": False,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line. Gives the exit code; never raises, never prints a traceback."""
    given = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        code = tree().main(given, prog_name="deployer", standalone_mode=False)
        return _flushed(int(code or 0))
    except SystemExit:
        return 0  # typer's way to end when nobody reads its help any more
    except BaseException as error:
        from deployer.cli.failing import failed

        return _flushed(failed(error, given))


class Verbs(TyperGroup):
    """A group that knows its verbs by name, and imports one when it is asked for."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """All verbs, in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The verb, imported now; None for one that does not exist."""
        return verb(cmd_name) if cmd_name in VERBS else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        """The verb of a command line. Raises a usage error that names a near one."""
        if args[0] in VERBS or args[0].startswith("-"):
            return super().resolve_command(ctx, args)
        near = get_close_matches(args[0], VERBS, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(f"there is no command {args[0]!r}{hint}")

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """The list of the help, made without importing any verb."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


def tree() -> Any:
    """The whole command line, for `main` and for the reference."""
    app = typer.Typer(
        cls=Verbs,
        context_settings=SETTINGS,
        epilog=EPILOG,
        help="Deploy containers: the image you built is the image that is serving, or this fails.",
        **NO_TYPER_OUTPUT,  # type: ignore[arg-type]
    )
    app.callback()(_root)
    return typer.main.get_command(app)


def verb(name: str) -> Any:
    """One verb as typer runs it."""
    module = import_module(f"deployer.cli.{name}")
    if name in GROUPS:
        group = typer.main.get_command(module.app)
        group.name = name
        return group
    app = typer.Typer(**NO_TYPER_OUTPUT)  # type: ignore[arg-type]
    app.command(name=name, context_settings=SETTINGS)(module.run)
    return typer.main.get_command(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"deployer {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="print the version"
        ),
    ] = False,
) -> None:
    """Options of `deployer` itself; typer calls it before each verb."""


def _flushed(code: int) -> int:
    """Write out what is buffered; a reader that went away is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


if __name__ == "__main__":
    sys.exit(main())
