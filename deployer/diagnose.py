"""From signs to a cause, in the same words on every provider.

An adapter collects `Signs`; this table says what they mean, how sure that is, and what to do.
The first rule that fits wins, so the order is from the most to the least telling.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from deployer.errors import RolloutFailed
from deployer.signs import Answer, Signs

__all__ = ["RULES", "Answer", "Diagnosis", "Rule", "Signs", "diagnose", "evidence", "failure"]

_THROWN = re.compile(r"[\w.]*(?:Error|Exception|Refused|NotFound)\b.*:")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A cause in a sentence, why we think so, and what to do."""

    cause: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. `cause`, `why` and `fix` are filled from the signs."""

    when: Callable[[Signs], bool]
    cause: str
    why: str
    fix: str


def diagnose(signs: Signs) -> Diagnosis:
    """The cause that fits best; the last rule fits everything."""
    facts = _facts(signs)
    rule = next(rule for rule in RULES if rule.when(signs))
    return Diagnosis(*(text.format(**facts) for text in (rule.cause, rule.why, rule.fix)))


def failure(signs: Signs, where: str) -> RolloutFailed:
    """The error for a revision with these signs: cause, why, evidence, fix."""
    found = diagnose(signs)
    return RolloutFailed(
        found.cause, where=where, why=found.why, evidence=evidence(signs), fix=found.fix
    )


def evidence(signs: Signs) -> tuple[str, ...]:
    """The last lines that a person would look at first."""
    health = tuple(f"health check: {line}" for line in signs.health_log[-3:])
    return (*_counted(signs.logs)[-20:], *health)


def _counted(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The same line many times in a row once, with how often: two crashes say the same twice."""
    groups = ((line, len(list(same))) for line, same in groupby(lines))
    return tuple(f"{line} ({count} times)" if count > 1 else line for line, count in groups)


def _facts(signs: Signs) -> dict[str, object]:
    answer = signs.answer or Answer(kind="")
    return {
        "code": signs.exit_code,
        "signal": (signs.exit_code or 128) - 128,
        "error": signs.error,
        "restarts": signs.restarts,
        "listening": ", ".join(signs.listening) or "nothing",
        "port": signs.port,
        "path": signs.path or "/",
        "status": answer.status,
        "detail": answer.detail,
        "health": signs.health_log[-1] if signs.health_log else "",
        "told": signs.error or _last_words(signs.logs),
    }


def _last_words(lines: tuple[str, ...]) -> str:
    """The line that names the cause: what was thrown, rather than what a server says of it."""
    thrown = [line for line in lines if _THROWN.match(line.strip())]
    spoken = [line for line in lines if line.strip()]
    return next(reversed(thrown or spoken), "").strip()


def _said(*words: str) -> Callable[[Signs], bool]:
    def fits(signs: Signs) -> bool:
        text = "\n".join((signs.error, *signs.logs)).lower()
        return any(word in text for word in words)

    return fits


def _ended(signs: Signs) -> bool:
    return signs.exit_code is not None


def _ended_with(*codes: int) -> Callable[[Signs], bool]:
    return lambda signs: signs.exit_code in codes


def _both(*tests: Callable[[Signs], bool]) -> Callable[[Signs], bool]:
    return lambda signs: all(test(signs) for test in tests)


def _either(*tests: Callable[[Signs], bool]) -> Callable[[Signs], bool]:
    return lambda signs: any(test(signs) for test in tests)


def _status(*codes: int) -> Callable[[Signs], bool]:
    return lambda s: (
        s.answer is not None and s.answer.kind == "status" and s.answer.status in codes
    )


def _met(*kinds: str) -> Callable[[Signs], bool]:
    return lambda signs: signs.answer is not None and signs.answer.kind in kinds


def _only_loopback(signs: Signs) -> bool:
    ours = [a for a in signs.listening if a.endswith(f":{signs.port}")]
    return bool(ours) and all(a.startswith(("127.", "::1:", "[::1]")) for a in ours)


def _came_back(signs: Signs) -> bool:
    """It ended and was started again: what it answers now is not the point."""
    answer = signs.answer
    of_its_own = answer is not None and answer.kind == "status" and answer.status < 502
    return signs.restarts > 0 and not of_its_own


def _elsewhere(signs: Signs) -> bool:
    return bool(signs.listening) and not any(a.endswith(f":{signs.port}") for a in signs.listening)


RULES: tuple[Rule, ...] = (
    Rule(
        _said("exec format error"),
        "the image is built for another processor architecture",
        "{told}",
        "set `build.platform:` to the target's, as linux/amd64",
    ),
    Rule(
        # 127 and 126: POSIX, Shell & Utilities 2.8.2; an init in the container says the same
        _either(_said("executable file not found", "directory: unknown"), _ended_with(127)),
        "the start command, or a program that it runs, does not exist in the image",
        "{told}",
        "check `command:`, CMD and ENTRYPOINT; a file that is there may be for another processor, "
        "or lack its loader (a glibc program on Alpine or scratch)",
    ),
    Rule(
        _either(_said("permission denied: unknown"), _ended_with(126)),
        "the start command is not executable",
        "{told}",
        "give the entrypoint its run bit: chmod +x, or COPY --chmod=755",
    ),
    Rule(
        lambda s: s.oom_killed,
        "the container ran out of memory and was killed",
        "it reached its memory limit (exit code 137)",
        "raise `resources.memory`, or use fewer workers",
    ),
    Rule(
        _said("address already in use"),
        "the port is already in use inside the container",
        "the application said: address already in use",
        "start one server only, on port {port}",
    ),
    Rule(
        _both(
            _ended, _said("keyerror:", "environment variable", "must be set", "missing required")
        ),
        "the application stopped because a variable is missing",
        "it ended with exit code {code}; it said: {told}",
        "add it under `env:` or `secrets:`",
    ),
    Rule(
        _both(
            _ended,
            _said(
                "connection refused",
                "could not connect",
                "could not translate host name",
                "name or service not known",
            ),
        ),
        "the application stopped because it could not reach something it needs",
        "it ended with exit code {code}; it said: {told}",
        "check the address in `env:` and `secrets:`, and that the target can reach it",
    ),
    Rule(
        _both(_ended, _said("permission denied", "read-only file system")),
        "the application stopped because it may not write or read a file",
        "it ended with exit code {code}",
        "check the image's USER and the owner of the files and volumes it uses",
    ),
    Rule(
        _ended_with(0),
        "the container ended by itself, without an error",
        "its main process ended with exit code 0",
        "start the server in the foreground; check `command:` and the Dockerfile's CMD",
    ),
    Rule(
        lambda s: s.exit_code is not None and 128 < s.exit_code <= 128 + 64,
        "the container was ended by signal {signal}",
        "its main process ended with exit code {code}",
        "look at the log lines above; 9 is often memory, 15 a stop from elsewhere",
    ),
    Rule(
        _ended,
        "the container ended with exit code {code}",
        "its main process failed",
        "the log lines above are its last words; run it locally with the same variables",
    ),
    Rule(
        _came_back,
        "the container does not stay up: it ended, and was started again",
        "restarts until now: {restarts}; the log lines above are from around its end",
        "run it locally with the same variables, for as long",
    ),
    Rule(
        _only_loopback,
        "the application listens on 127.0.0.1 only",
        "inside the container port {port} is open on {listening}; nobody outside can reach it",
        "bind to 0.0.0.0, as gunicorn --bind 0.0.0.0:{port}",
    ),
    Rule(
        _elsewhere,
        "the application listens on another port",
        "`port:` is {port}, but open in the container: {listening}",
        "set `port:` to the one the application uses, or bind it to {port}",
    ),
    Rule(
        _status(404),
        "the health path {path} does not exist",
        "GET {path} answered 404",
        "set `health.path:` to a path that exists, or add the route",
    ),
    Rule(
        _status(401, 403),
        "the health path {path} asks for a login",
        "GET {path} answered {status}",
        "let the health path answer without a login, or set `verify: platform`",
    ),
    Rule(
        _met("status"),
        "the health path {path} answers with an error",
        "GET {path} answered {status}",
        "look at the log lines above; the application is up but does not feel well",
    ),
    Rule(
        _met("timeout"),
        "the application does not answer in time",
        "GET {path} on port {port}: {detail}",
        "raise `health.timeout:` or `health.start_period:`, or find what is slow",
    ),
    Rule(
        _met("other-release"),
        "another release answers where this one should",
        "{detail}",
        "somebody else may be changing this target: deployer status",
    ),
    Rule(
        lambda s: bool(s.health_log),
        "the health check in the container keeps failing",
        "it said: {health}",
        "run the check by hand in the container; adjust `health:` or the HEALTHCHECK",
    ),
    Rule(
        _met("refused", "reset", "dns", "tls"),
        "nothing answers on port {port}",
        "{detail}",
        "check that the application listens on 0.0.0.0:{port}",
    ),
    Rule(
        lambda signs: True,
        "the new revision did not become healthy",
        "{error}",
        "look at its log: deployer logs",
    ),
)
