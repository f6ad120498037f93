"""Options that verbs share, as groups: a verb asks for a group, typer sees its single options."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Annotated, Any, get_type_hints

from typer import Option

from deployer.errors import Interrupted


class Colour(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Format(StrEnum):
    """Formats of streamed events."""

    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class Place:
    """Where: the file, the environment, and which targets and services of it."""

    config: Annotated[
        str | None,
        Option(
            "--config",
            "-c",
            metavar="FILE",
            envvar="DEPLOYER_CONFIG",
            help="deployer.yaml, or its folder; default: here or in a folder above",
        ),
    ] = None
    environment: Annotated[
        str | None,
        Option(
            "--environment",
            "-e",
            metavar="NAME",
            help="environment; needed where there are several  [env var: DEPLOYER_ENVIRONMENT]",
        ),
    ] = None
    target: Annotated[
        list[str] | None,
        Option(
            "--target",
            "-t",
            metavar="NAME",
            envvar="DEPLOYER_TARGET",
            help="only this target; may be repeated",
        ),
    ] = None
    service: Annotated[
        list[str] | None,
        Option(
            "--service",
            "-s",
            metavar="NAME",
            envvar="DEPLOYER_SERVICE",
            help="only this service; may be repeated",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Output:
    """How results are written."""

    json: Annotated[
        bool, Option("--json", help="print one JSON document on stdout, also on failure")
    ] = False
    events: Annotated[
        Format | None, Option("--events", help="stream events on stdout, one JSON object a line")
    ] = None
    color: Annotated[
        Colour, Option("--color", help="colours; NO_COLOR and FORCE_COLOR count as well")
    ] = Colour.AUTO
    debug: Annotated[
        bool,
        Option("--debug", envvar="DEPLOYER_DEBUG", help="on failure, write a traceback to a file"),
    ] = False


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether questions may be asked, and are answered already."""

    yes: Annotated[
        bool, Option("--yes", "-y", help="answer yes: needed where no terminal can be asked")
    ] = False
    no_input: Annotated[
        bool, Option("--no-input", envvar="DEPLOYER_NO_INPUT", help="never ask anything")
    ] = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait."""

    timeout: Annotated[
        str,
        Option(
            "--timeout",
            metavar="DURATION",
            envvar="DEPLOYER_TIMEOUT",
            help="longest wait for one step",
        ),
    ] = "15m"
    lock_wait: Annotated[
        str,
        Option(
            "--lock-wait",
            metavar="DURATION",
            envvar="DEPLOYER_LOCK_WAIT",
            help="longest wait for another deployment",
        ),
    ] = "90s"
    no_wait: Annotated[
        bool, Option("--no-wait", help="start it, do not wait for the end; outcome: unknown")
    ] = False
    fail_fast: Annotated[
        bool, Option("--fail-fast", help="stop all targets at the first that fails")
    ] = False


DryRun = Annotated[bool, Option("--dry-run", help="show the plan and change nothing")]


def command(function: Callable[..., int]) -> Callable[..., int]:
    """`function` as typer needs it: each parameter that is a group becomes the group's options."""
    hints = get_type_hints(function, include_extras=True)
    own: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind):
            groups[parameter.name] = kind
            shared += _options(kind)
        else:
            own.append(_named(parameter.name, kind, parameter.default))
    return _wrapped(function, groups, own + shared)


def _wrapped(
    function: Callable[..., int], groups: dict[str, Any], parameters: list[inspect.Parameter]
) -> Callable[..., int]:
    def run(**given: Any) -> int:
        made = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        try:
            return function(**made, **given)
        except KeyboardInterrupt:  # typer would end without a word, and without a document
            raise Interrupted(signal.SIGINT, "stopped by Ctrl-C") from None

    run.__doc__ = function.__doc__
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # PEP 362
    return run


def _options(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [_named(field.name, hints[field.name], field.default) for field in fields(kind)]


def _named(name: str, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default
    )
