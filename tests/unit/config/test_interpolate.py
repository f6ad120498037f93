"""Variables: filled in once, never twice, and never silently empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.config.interpolate import interpolate, variables

if TYPE_CHECKING:
    from tests.unit.config.conftest import Folder

LOCAL = "targets: {local: {provider: docker}}\n"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${A}", "one"),
        ("x${A}y${A}", "xoneyone"),
        ("${NONE:-two}", "two"),
        ("${EMPTY:-two}", "two"),
        ("${NONE:-}", ""),
        ("${A:-two}", "one"),
        ("${A:?say}", "one"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$${A}", "$one"),
        ("$A", "$A"),
        ("a$", "a$"),
        ("${B}", "${A}"),
    ],
)
def test_filled_in(text: str, result: str) -> None:
    assert interpolate(text, {"A": "one", "B": "${A}", "EMPTY": ""}) == (result, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${NONE}", "${NONE} has no value"),
        ("${EMPTY}", "${EMPTY} has no value"),
        ("${NONE:?ask Mia}", "${NONE} has no value: ask Mia"),
        ("${", "`${` starts a variable, and none follows"),
        ("${}", "`${` starts a variable, and none follows"),
        ("${1A}", "`${` starts a variable, and none follows"),
        ("${A:-${B}}", "`${` starts a variable, and none follows"),
    ],
)
def test_not_filled_in(text: str, problem: str) -> None:
    assert interpolate(text, {"A": "one", "EMPTY": ""})[1][0] == problem


@settings(deadline=None)
@given(
    st.text("${}:-?AB_ \n", max_size=40),
    st.dictionaries(st.sampled_from("AB"), st.text(max_size=9)),
)
def test_any_text_ends_in_a_text_and_sentences(text: str, values: dict[str, str]) -> None:
    result, missing = interpolate(text, values)
    assert isinstance(result, str)
    assert all(missing)
    if not variables(text):
        assert result == text.replace("$$", "$")


@settings(deadline=None)
@given(st.text(max_size=30))
def test_what_a_variable_holds_is_not_read_again(value: str) -> None:
    assert interpolate("<${A:-}>", {"A": value}) == (f"<{value}>", [])


def test_every_missing_variable_at_once(folder: Folder) -> None:
    text = f"app: shop\nport: ${{PORT}}\nenv: {{A: '${{A}}', B: '${{B:?ask Mia}}'}}\n{LOCAL}"
    app = folder.load(text)  # loading needs no variable
    assert app.name == "shop"
    assert folder.mistakes(lambda: folder.place(text)) == [
        ("deployer.yaml:2:7", "${PORT} has no value",
         "set PORT in the environment, or give a default: ${PORT:-…}"),
        ("deployer.yaml:3:10", "${A} has no value",
         "set A in the environment, or give a default: ${A:-…}"),
        ("deployer.yaml:3:21", "${B} has no value: ask Mia",
         "set B in the environment, or give a default: ${B:-…}"),
    ]  # fmt: skip


def test_values_take_the_type_of_their_place(folder: Folder) -> None:
    text = f"app: shop\nport: ${{PORT}}\nscale: {{min: '${{N}}', max: 4}}\n{LOCAL}"
    found = folder.one(text, environ={"PORT": "8080", "N": "2"})
    assert (found.port, found.scale.min) == (8080, 2)
    assert folder.mistakes(lambda: folder.one(text, environ={"PORT": "a", "N": "5"})) == [
        (
            "deployer.yaml:2:7",
            'port: needs a whole number from 1 to 65535, has the text "a"',
            None,
        ),
        ("deployer.yaml:3:14", "scale.min is 5 and scale.max is 4", "write scale.max: 5 or more"),
    ]


def test_what_is_known_of_the_place(folder: Folder) -> None:
    text = """\
    app: shop
    service: api
    env: {P: "${DEPLOYER_APP}/${DEPLOYER_SERVICE}/${DEPLOYER_ENVIRONMENT}/${DEPLOYER_TARGET}"}
    targets: {a: {provider: docker}, b: {provider: docker}}
    environments: {staging: {}}
    """
    environ = {"DEPLOYER_TARGET": "wrong", "DEPLOYER_APP": "wrong"}
    found = [one.env["P"] for one in folder.place(text, environ=environ)]
    assert found == ["shop/api/staging/a", "shop/api/staging/b"]


def test_a_value_cannot_inject_structure(folder: Folder) -> None:
    text = f"app: shop\nenv: {{A: '${{A}}'}}\n{LOCAL}"
    evil = "x\nport: 1\n${HOME} $(id) {b: c}"
    found = folder.one(text, environ={"A": evil, "HOME": "secret"})
    assert (found.env["A"], found.port) == (evil, None)
