from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.image.dockerfile import expand, floating_bases, parse_dockerfile

PIN = "sha256:" + "ab" * 32


def test_lines_continuations_comments_and_heredocs() -> None:
    text = """# escape=\\
FROM a AS build

RUN one && \\
    # a comment in between

    two
COPY --from=x --chown=1:2 a b
RUN <<EOF bash
echo $1
FROM not-a-stage
EOF
RUN <<-'END'
\tx
\tEND
CMD ["a", "b c"]
"""
    found = [(i.line, i.keyword, i.value) for i in parse_dockerfile(text).instructions]
    assert found == [
        (2, "FROM", "a AS build"),
        (4, "RUN", "one && two"),
        (8, "COPY", "a b"),
        (9, "RUN", "<<EOF bash"),
        (13, "RUN", "<<-'END'"),
        (16, "CMD", '["a", "b c"]'),
    ]
    instructions = parse_dockerfile(text).instructions
    assert instructions[3].heredocs == ("echo $1\nFROM not-a-stage",)
    assert instructions[4].heredocs == ("\tx",)
    assert instructions[2].flag("from") == "x"
    assert instructions[5].exec_form == ["a", "b c"]


def test_another_escape_character() -> None:
    parsed = parse_dockerfile("# escape=`\nFROM a\nRUN x `\n  y\nRUN c:\\\nRUN z\n")
    assert [i.value for i in parsed.instructions] == ["a", "x y", "c:\\", "z"]


def test_stages_and_the_chain_below_the_target() -> None:
    text = "FROM x AS base\nFROM base AS mid\nFROM y AS other\nFROM mid\nUSER a\n"
    parsed = parse_dockerfile(text)
    assert [stage.base for stage in parsed.final()] == ["mid", "base", "x"]
    assert [stage.base for stage in parsed.final("OTHER")] == ["y"]
    assert parsed.final("2")[0].name == "other"
    assert parsed.final("missing") == []


def test_every_image_from_outside_counts_as_a_base() -> None:
    text = f"""# syntax=docker/dockerfile:1
ARG TAG=3.12
ARG REG
FROM ${{REG:-r.example}}/py:$TAG AS base
FROM scratch
COPY --from=base /a /a
COPY --from=0 /a /a
COPY --from=tool:1 /a /a
RUN --mount=type=bind,from=cache:2,target=/x true
FROM pinned@{PIN}
"""
    found = [(base.line, base.name) for base in parse_dockerfile(text).bases()]
    assert found == [
        (1, "docker/dockerfile:1"),
        (4, "r.example/py:3.12"),
        (8, "tool:1"),
        (9, "cache:2"),
        (10, f"pinned@{PIN}"),
    ]
    assert f"pinned@{PIN}" not in [base.name for base in floating_bases(text)]
    assert len(floating_bases(text)) == 4
    own = parse_dockerfile(text, {"TAG": "3.13", "REG": "mine.example"}).bases()[1]
    assert own.name == "mine.example/py:3.13"


@pytest.mark.parametrize(
    "text", ["FROM scratch\n", f"FROM a:1@{PIN} AS x\nFROM x\nCOPY --from=X a b\n"]
)
def test_pinned_means_nothing_floats(text: str) -> None:
    assert floating_bases(text) == ()


def test_variables() -> None:
    known = {"A": "1", "E": ""}
    assert expand("$A ${A} ${B:-2} ${E:-3} ${A:+4} ${B:+5}", known) == "1 1 2 3 4 "


@given(st.text(alphabet="FROM aRUN\\\n<#=EOF\"'[]-$`", max_size=60))
def test_nothing_crashes_the_parser(text: str) -> None:
    parsed = parse_dockerfile(text)
    parsed.bases()
    parsed.final()
