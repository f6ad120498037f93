"""Failures as real builders print them, old BuildKit and new, and the words made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.errors import AuthError, BuildError, DeployerError
from deployer.image.explain import explain
from deployer.image.progress import Progress

DOCKERFILE = """FROM r.example/base:1 AS build
COPY app /app

RUN make \\
  all
"""
OLD = """#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 124B done
#1 DONE 0.0s
#5 [2/2] RUN make   all
#5 0.157 one
#5 0.158 denied: unauthorized: not found: not found
#5 ERROR: executor failed running [/bin/sh -c make   all]: exit code: 2
------
 > [2/2] RUN make   all:
------
ERROR: failed to solve: executor failed running [/bin/sh -c make   all]: exit code: 2"""
NEW = """#7 [build 3/3] RUN make   all
#7 0.100 two
#7 ERROR: process "/bin/sh -c make   all" did not complete successfully: exit code: 137
------
Dockerfile:4
--------------------
   3 |
   4 | >>> RUN make \\
ERROR: failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 137"""
BASE = """#3 [internal] load metadata for r.example/base:1
#3 ERROR: failed to do request: Head "https://r.example/v2/base/manifests/1": no such host
ERROR: failed to solve: failed to do request: Head: no such host"""


def told(text: str, tmp_path: Path) -> tuple[DeployerError, int]:
    file = tmp_path / "Dockerfile"
    file.write_text(DOCKERFILE)
    progress = Progress()
    for line in text.splitlines():
        progress.feed(line)
    error = explain(progress, file, 1)
    where = str(error.where)
    assert where.startswith(str(file))
    return error, int(where.removeprefix(str(file)).lstrip(":") or 0)


def test_a_failing_command_with_its_own_words_as_evidence(tmp_path: Path) -> None:
    error, line = told(OLD, tmp_path)
    assert error.what == "the build failed"
    assert "RUN make   all` ended with exit code 2" in str(error.why)
    assert error.evidence == ("one", "denied: unauthorized: not found: not found")
    assert line == 4


def test_a_killed_command_in_a_newer_builders_words(tmp_path: Path) -> None:
    error, line = told(NEW, tmp_path)
    assert "lack of memory" in str(error.why)
    assert line == 4


def test_only_the_last_twenty_lines(tmp_path: Path) -> None:
    many = "\n".join(f"#5 0.1 line {n}" for n in range(50))
    error, _ = told(OLD.replace("#5 0.157 one", many), tmp_path)
    assert len(error.evidence) == 20
    assert error.evidence[0] == "line 31"


@pytest.mark.parametrize(
    ("text", "what", "kind", "line"),
    [
        (BASE, "a base image cannot be pulled", BuildError, 1),
        ("ERROR: Cannot connect to the Docker daemon", "does not answer", BuildError, 0),
        ("error during connect: x", "does not answer", BuildError, 0),
        ("ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading "
         "from server: EOF", "went away", BuildError, 0),
        ("#2 [2/2] COPY app /app\n#2 ERROR: write /x: no space left on device\n"
         "ERROR: failed to solve: no space left on device", "disk is full", BuildError, 2),
        (OLD.replace("#5 0.157 one", "#5 0.1 exec /bin/sh: exec format error"), "platform",
         BuildError, 4),
        (OLD.replace("#5 0.157 one", "#5 0.1 write: No space left on device"), "disk is full",
         BuildError, 4),
        ("ERROR: failed to solve: r.example/base:1: no match for platform in manifest",
         "platform", BuildError, 0),
        ("ERROR: dockerfile parse error line 3: unknown instruction: COPPY", "cannot be read",
         BuildError, 3),
        ('#2 [2/2] COPY app /app\n#2 ERROR: "/app" not found: not found\n'
         'ERROR: failed to solve: failed to compute cache key: "/app" not found: not found',
         "not in the build context", BuildError, 2),
        ("ERROR: failed to solve: target stage x could not be found", "no such stage",
         BuildError, 0),
        ("denied: requested access to the resource is denied", "refused an image", AuthError, 0),
        ("no basic auth credentials", "refused an image", AuthError, 0),
        ("something new", "the build failed", BuildError, 0),
    ],
)  # fmt: skip
def test_signs(text: str, what: str, kind: type[DeployerError], line: int, tmp_path: Path) -> None:
    error, at = told(text, tmp_path)
    assert what in error.what
    assert type(error) is kind
    assert at == line
    assert error.why
    assert error.fix
    assert error.evidence


def test_what_is_shown_while_it_runs() -> None:
    progress = Progress()
    shown = [line for line in map(progress.feed, OLD.splitlines()) if line]
    assert shown == [
        "[internal] load build definition from Dockerfile",
        "[2/2] RUN make   all",
        "  one",
        "  denied: unauthorized: not found: not found",
        "ERROR: executor failed running [/bin/sh -c make   all]: exit code: 2",
    ]
