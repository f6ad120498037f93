"""From options to a request: the file found and checked, the environment admitted, who asks."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deployer import __version__
from deployer.cli.common import Consent, Patience, Place
from deployer.config import App, Placement, choose, find, load, resolve, setting
from deployer.errors import ConfigError
from deployer.execute import Cancel, Pace
from deployer.quantity import Seconds
from deployer.releases.owner import actor
from deployer.releases.records import Origin
from deployer_pipelines.request import Request


@dataclass(frozen=True, slots=True)
class Session:
    """One run: what the file says, and what is asked of the pipelines."""

    app: App
    environment: str
    request: Request

    @property
    def placements(self) -> tuple[Placement, ...]:
        """Every service on every target that is meant."""
        return self.request.placements

    @property
    def protected(self) -> bool:
        """Whether this environment must be named and confirmed."""
        return self.app.environments[self.environment].protected


def open_session(
    place: Place, patience: Patience | None = None, cancel: Cancel | None = None
) -> Session:
    """Read the file and decide what is meant. Raises ConfigError with every mistake."""
    app = read(place)
    environment = choose(app, named(app, place))
    patience = patience or Patience()
    placements = resolve(app, environment, words(place.target), words(place.service))
    if not placements:
        raise ConfigError(f"{environment} has nothing to deploy", fix="give it targets")
    request = Request(
        placements=placements,
        root=app.root,
        origin=origin(os.environ),
        cancel=cancel or Cancel(),
        pace=Pace(deadline=seconds(patience.timeout, "--timeout")),
        state=app.state,
        lock_wait=seconds(patience.lock_wait, "--lock-wait"),
        fail_fast=patience.fail_fast,
        wait=not patience.no_wait,
    )
    return Session(app=app, environment=environment, request=request)


def read(place: Place) -> App:
    """The file that `place` names, checked."""
    path = find(Path.cwd(), Path(place.config) if place.config else None)
    return load(path, os.environ)


def named(app: App, place: Place) -> str | None:
    """The environment asked for; looking at the only one needs no name, protected or not."""
    asked = setting(place.environment, "ENVIRONMENT", os.environ)
    return asked or (next(iter(app.environments)) if len(app.environments) == 1 else None)


def admit(session: Session, place: Place, consent: Consent, *, always: bool = False) -> None:
    """Let a change through, or refuse with everything that is missing.

    A protected environment must be named with -e itself, not by a variable that may linger, and
    confirmed. `always`: confirm also where nothing is protected. Raises ConfigError.
    """
    name, can_ask = session.environment, _can_ask(consent)
    missing = []
    if session.protected and place.environment is None:
        missing.append(ConfigError(f"{name} is protected and must be named", fix=f"-e {name}"))
    confirm = (session.protected or always) and not consent.yes
    if confirm and not can_ask:
        what = f"changing {name} must be confirmed, and there is no terminal to ask at"
        missing.append(ConfigError(what, fix="--yes"))
    if missing:
        raise _refusal(name, missing)
    if confirm and _typed(session) != name:
        raise ConfigError("not confirmed, so nothing was changed", fix=f"type {name}, or --yes")


def origin(environ: Mapping[str, str]) -> Origin:
    """Who asks, and from where; the commit is added where the image is made."""
    return Origin(
        actor=environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN") or actor(),
        host=platform.node(),
        run_url=_run_url(environ),
        tool=__version__,
    )


def words(given: list[str] | None) -> tuple[str, ...]:
    """Repeated options and variables with commas alike."""
    return tuple(word for item in given or () for word in item.replace(",", " ").split())


def seconds(text: str, option: str) -> float:
    """A duration given on the command line. Raises ConfigError."""
    try:
        return float(Seconds.parse(text))
    except ValueError as error:
        raise ConfigError(f"{option}: {error}", fix=f"{option} 15m") from error


def _refusal(name: str, missing: list[ConfigError]) -> ConfigError:
    fix = "run it again with " + " ".join(one.fix or "" for one in missing)
    if len(missing) == 1:
        return ConfigError(missing[0].what, fix=fix)
    return ConfigError(f"{name} needs {len(missing)} more inputs", fix=fix, problems=missing)


def _can_ask(consent: Consent) -> bool:
    streams = (sys.stdin, sys.stderr)
    return not consent.no_input and all(s is not None and s.isatty() for s in streams)


def _typed(session: Session) -> str:
    what = ", ".join(str(placement.scope) for placement in session.placements[:5])
    more = len(session.placements) - 5
    sys.stderr.write(f"This changes {what}{f' and {more} more' if more > 0 else ''}.\n")
    sys.stderr.write(f"Type {session.environment} to go on: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _run_url(environ: Mapping[str, str]) -> str | None:
    if environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        repository = environ.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or None
