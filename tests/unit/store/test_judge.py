"""`If-Match` and the contextual transaction, without a database."""

from __future__ import annotations

import pytest

from stanchion.store.judge import version_matches


@pytest.mark.parametrize(
    ("tags", "version", "matches"),
    [
        ('"3-abc"', 3, True), ('W/"3-abc"', 3, True), ("*", 3, True), (' "1-a" , "3-b" ', 3, True),
        ('"3"', 3, True), ('"33-abc"', 3, False), ('"13-abc"', 3, False), ('"-3"', 3, False),
        ("", 3, False), (",", 3, False), ('"*"', 3, False), ("**", 3, False), ('"abc-3"', 3, False),
    ],
)  # fmt: skip
def test_if_match_names_a_version(tags: str, version: int, matches: bool) -> None:
    assert version_matches(tags, version) is matches
