from __future__ import annotations

import pytest

from deployer.image.git import clean_url
from deployer.image.tags import sanitise


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://u:p@git.example/a/b.git?x=1#f", "https://git.example/a/b.git"),
        ("https://token@git.example:8443/a", "https://git.example:8443/a"),
        ("git@git.example:a/b.git", "https://git.example/a/b.git"),
        ("ssh://git@git.example:22/a/b", "ssh://git.example:22/a/b"),
        ("/srv/git/a.git", ""),
        ("../a", ""),
        ("", ""),
    ],
)
def test_no_credentials_in_a_url(url: str, clean: str) -> None:
    assert clean_url(url) == clean


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("feature/x y", "feature-x-y"),
        ("1.2+3", "1.2-3"),
        ("-a", "a"),
        ("ä", "none"),
        ("x" * 200, "x" * 128),
    ],
)
def test_any_name_becomes_a_tag(text: str, tag: str) -> None:
    assert sanitise(text) == tag
