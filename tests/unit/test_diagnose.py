"""What went wrong, from what applications and engines really say. One row for each rule."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from deployer.diagnose import RULES, Answer, Rule, Signs, diagnose, evidence, failure

GUNICORN = (
    "[2026-03-02 10:12:01 +0000] [1] [INFO] Starting gunicorn 22.0.0",
    "[2026-03-02 10:12:01 +0000] [1] [INFO] Listening at: http://127.0.0.1:8000 (1)",
    "[2026-03-02 10:12:01 +0000] [7] [INFO] Booting worker with pid: 7",
)
FLASK_KEY = (
    "[2026-03-02 10:12:01 +0000] [7] [ERROR] Exception in worker process",
    '  File "/app/app/__init__.py", line 12, in create_app',
    '    url = os.environ["DATABASE_URL"]',
    '  File "<frozen os>", line 685, in __getitem__',
    "KeyError: 'DATABASE_URL'",
    "[2026-03-02 10:12:01 +0000] [1] [ERROR] Worker (pid:7) exited with code 3",
    "[2026-03-02 10:12:01 +0000] [1] [ERROR] Reason: Worker failed to boot.",
)
UVICORN_PORT = (
    "INFO:     Started server process [1]",
    "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): "
    "address already in use",
)
NODE_DATABASE = (
    "node:net:1555",
    "Error: connect ECONNREFUSED 10.0.3.7:5432",
    "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16)",
    "psycopg2.OperationalError: connection to server at db failed: Connection refused",
)
NODE_VARIABLE = (
    "/app/node_modules/envalid/dist/reporter.js:41",
    "Error: Missing required environment variable: SESSION_KEY",
)
NODE_FILE = ("Error: EACCES: permission denied, open '/app/data/app.sqlite'",)
OCI = "OCI runtime create failed: runc create failed: unable to start container process: "
UP = Signs(state="running", port=8000, path="/health", logs=GUNICORN, listening=("0.0.0.0:8000",))


def ended(code: int, *logs: str, **more: object) -> Signs:
    return replace(Signs(state="exited", exit_code=code, port=8000, logs=logs), **more)


def answered(kind: str, status: int = 0, detail: str = "") -> Signs:
    return replace(UP, answer=Answer(kind=kind, status=status, detail=detail))


CASES: tuple[tuple[Signs, str], ...] = (
    (Signs(state="running", restarts=2, logs=("boom",)), "does not stay up"),
    (ended(1, "exec /usr/local/bin/gunicorn: exec format error"), "another processor"),
    (
        Signs(error=OCI + 'exec: "gunicron": executable file not found in $PATH: unknown'),
        "does not exist in the image",
    ),
    (
        Signs(error=OCI + 'exec: "/entrypoint.sh": permission denied: unknown'),
        "is not executable",
    ),
    (ended(127, "sh: 1: gunicron: not found"), "does not exist in the image"),
    (ended(126, "sh: 1: /entrypoint.sh: Permission denied"), "is not executable"),
    (ended(137, "Booting worker", oom_killed=True), "out of memory"),
    (ended(1, *UVICORN_PORT), "port is already in use"),
    (ended(3, *FLASK_KEY), "a variable is missing"),
    (ended(1, *NODE_VARIABLE), "a variable is missing"),
    (ended(1, *NODE_DATABASE), "could not reach something"),
    (ended(1, *NODE_FILE), "may not write or read a file"),
    (ended(0, "Done in 0.31s."), "ended by itself, without an error"),
    (ended(143, "Received SIGTERM"), "ended by signal 15"),
    (ended(1, "SyntaxError: Unexpected token '}'"), "ended with exit code 1"),
    (replace(UP, listening=("127.0.0.1:8000",)), "listens on 127.0.0.1 only"),
    (replace(UP, listening=("[::1]:8000",)), "listens on 127.0.0.1 only"),
    (replace(UP, listening=("0.0.0.0:5000", "[::]:5000")), "listens on another port"),
    (answered("status", 404), "/health does not exist"),
    (answered("status", 403), "asks for a login"),
    (answered("status", 503), "answers with an error"),
    (answered("timeout", detail="no answer within 5s"), "does not answer in time"),
    (answered("other-release", 200, "r1 answered"), "another release answers"),
    (
        replace(UP, health_log=("curl: (22) The requested URL returned error: 500",)),
        "health check in the container keeps failing",
    ),
    (answered("refused", detail="connection refused"), "nothing answers on port 8000"),
    (UP, "did not become healthy"),
)


@pytest.mark.parametrize(("signs", "cause"), CASES, ids=[cause for _, cause in CASES])
def test_real_words_lead_to_the_cause(signs: Signs, cause: str) -> None:
    found = diagnose(signs)
    assert cause in found.cause
    assert found.fix
    assert "{" not in found.cause + found.why + found.fix
    assert "None" not in found.cause + found.why + found.fix


def test_every_rule_is_reached_by_a_case() -> None:
    reached = {id(rule_for(signs)) for signs, _ in CASES}
    assert [rule.cause for rule in RULES if id(rule) not in reached] == []


def rule_for(signs: Signs) -> Rule:
    return next(rule for rule in RULES if rule.when(signs))


@pytest.mark.parametrize(
    ("signs", "cause"),
    [
        (ended(137, *FLASK_KEY, oom_killed=True), "out of memory"),
        (ended(1, *FLASK_KEY, "Connection refused"), "a variable is missing"),
        (ended(1, *NODE_DATABASE, health_log=("timeout",)), "could not reach"),
        (replace(answered("status", 404), listening=("127.0.0.1:8000",)), "127.0.0.1 only"),
        (replace(answered("refused"), listening=("0.0.0.0:3000",)), "another port"),
        (replace(answered("refused"), health_log=("exit 1",)), "keeps failing"),
        (replace(answered("status", 404), health_log=("exit 1",)), "does not exist"),
    ],
)
def test_of_several_causes_the_most_telling_comes_first(signs: Signs, cause: str) -> None:
    assert cause in diagnose(signs).cause


@pytest.mark.parametrize("code", [1, 2, 125, 128, 255])
def test_an_exit_code_that_is_no_signal_is_not_called_one(code: int) -> None:
    assert diagnose(ended(code)).cause == f"the container ended with exit code {code}"


def test_a_word_in_the_log_of_what_still_runs_is_no_cause_of_its_end() -> None:
    signs = replace(UP, logs=("KeyError: 'x' in request /buy", "Connection refused"))
    assert "did not become healthy" in diagnose(signs).cause


def test_braces_in_what_others_say_are_only_text() -> None:
    signs = Signs(error="executable file not found: {0} {error.__class__}")
    assert "{0} {error.__class__}" in diagnose(signs).why


def test_the_evidence_is_the_end_of_the_log_and_the_last_checks() -> None:
    signs = Signs(logs=tuple(map(str, range(50))), health_log=("a", "b", "c", "d"))
    told = evidence(signs)
    assert told[:20] == tuple(map(str, range(30, 50)))
    assert told[20:] == ("health check: b", "health check: c", "health check: d")


def test_a_failure_is_told_in_four_parts() -> None:
    error = failure(ended(3, *FLASK_KEY), "prod/here/api, release r1")
    assert (error.exit_code, error.where) == (3, "prod/here/api, release r1")
    assert error.why
    assert error.fix
    assert error.evidence[-1].endswith("Worker failed to boot.")
