"""Limits as an app writes them, and what is refused when it is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from stanchion import App, Limits, Record, limit
from stanchion.declare import parse_limits
from stanchion.errors import DeclarationError
from stanchion.schema import Limit, describe


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("10/min", [(10, 60)]), ("1/s", [(1, 1)]), ("100/15min", [(100, 900)]),
        (" 5 / min , 100/day", [(5, 60), (100, 86_400)]), ("3/2h", [(3, 7200)]),
        ("3/hour", [(3, 3600)]), ("3/2hours", [(3, 7200)]), ("9/10s", [(9, 10)]),
        ("9/minutes", [(9, 60)]), ("1/31days", [(1, 2_678_400)]), ("7/30sec", [(7, 30)]),
    ],
)  # fmt: skip
def test_a_limit_is_a_number_in_a_time(text: str, limits: list[tuple[int, int]]) -> None:
    assert parse_limits(text) == tuple(Limit(*each) for each in limits)


@pytest.mark.parametrize(
    "text",
    ["", "10", "min", "10/", "/min", "10 per min", "-1/min", "0/min", "1.5/min", "10/0s", "10/week",
     "10/32day", "10/min,", "10/min, 5/60s", "1e3/min", "١٠/min", "10/min; 5/s", 10],
)  # fmt: skip
def test_what_is_no_limit_is_refused_with_its_place(text: Any) -> None:
    for make in (lambda: limit(text), lambda: Limits(create=text)):
        with pytest.raises(DeclarationError) as refused:
            make()
        assert refused.value.code == "limit.text"
        assert refused.value.origin is not None and refused.value.origin.file == __file__
        assert '"10/min"' in (refused.value.hint or "")


def test_a_limit_that_is_no_limits_is_refused() -> None:
    app = App("Notes")

    @app.collection("notes")
    class Note(Record):
        limits = "10/min"  # type: ignore[assignment]  # the mistake

    with pytest.raises(DeclarationError) as refused:
        app.check()
    assert refused.value.code == "limit.type"


def test_a_field_cannot_be_called_limits() -> None:
    with pytest.raises(DeclarationError):
        app = App("Notes")

        @app.collection("notes")
        class Note(Record):
            limits: int  # type: ignore[assignment,misc]  # the mistake

        app.check()


def test_limits_are_part_of_what_is_declared_and_not_of_what_is_stored() -> None:
    def made(limits: Limits) -> App:
        app = App("Notes")

        class Note(Record):
            text: str

        Note.limits = limits
        app.collection("notes")(Note)
        return app

    plain, limited = made(Limits()), made(Limits(create="5/min, 9/day", write="10/h"))
    told = describe(limited.runtime.model.schema)["collections"]["notes"]
    assert told["limits"] == {"create": ["5/60s", "9/86400s"], "write": ["10/3600s"]}
    assert "limits" not in describe(plain.runtime.model.schema)["collections"]["notes"]
    assert plain.runtime.model.schema.fingerprint == limited.runtime.model.schema.fingerprint


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(DeclarationError) as refused:
        limit("1/s", name="x" * 61)
    assert refused.value.code == "limit.name"
