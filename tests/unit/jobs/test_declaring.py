"""What an app may declare as a job, and what its jobs may be given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pydantic
import pytest

from stanchion import App, Job, Record, Ref
from stanchion.declare import JobKind
from stanchion.errors import DeclarationError, WrongUse
from stanchion.jobs.reason import reason

DAY = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
KEY = "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"


class Address(pydantic.BaseModel):
    street: str
    number: int


class Pizza(Record):
    name: str


async def typed(
    when: datetime, who: UUID, price: Decimal, to: Address, pizza: Ref[Pizza], many: int = 3
) -> None: ...


async def plain(value, *, other=None) -> None: ...  # type: ignore[no-untyped-def]  # as apps may


def kind_of(function: Callable[..., Any], **options: Any) -> JobKind:
    app = App("Jobs")
    app.collection("pizzas")(Pizza)
    app.job(**options)(function)
    return app.runtime.model.jobs.of(function)


def test_typed_arguments_come_back_as_they_went_in() -> None:
    given = {
        "when": DAY, "who": UUID(KEY), "price": Decimal("9.50"),
        "to": Address(street="Main", number=1), "pizza": Ref(KEY),
    }  # fmt: skip
    kind = kind_of(typed)
    text = kind.write(given)
    assert kind.read(text) == given
    assert {name: type(value) for name, value in kind.read(text).items()} == {
        name: type(value) for name, value in given.items()
    }


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "ä\x00\ud800", [1, {"a": []}], {"k": None}])
def test_json_comes_back_without_a_type(value: object) -> None:
    kind = kind_of(plain)
    assert kind.read(kind.write({"value": value})) == {"value": value}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (DAY, "is no JSON"),
        (float("nan"), "is no JSON"),
        ({1: 2}, "would not come back"),
        ((1, 2), "would not come back"),
        ({"a"}, "is no JSON"),
        (Pizza(name="Funghi"), "is a record"),
        ("x" * 70_000, "are more than"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_is_refused_where_it_is_given(value: object, said: str) -> None:
    with pytest.raises(WrongUse, match=said) as refused:
        kind_of(plain).write({"value": value})
    assert refused.value.code == "job.arguments"
    assert refused.value.origin is not None and refused.value.origin.file == __file__


def test_arguments_are_checked_by_name_and_type() -> None:
    kind = kind_of(typed)
    for given, said in (
        ({"valeu": 1}, "`valeu` is no parameter"),
        ({}, "`when` is missing"),
        ({"when": "soon", "who": KEY, "price": 1, "to": {}, "pizza": KEY}, "`when` is not what"),
    ):
        with pytest.raises(WrongUse, match=said):
            kind.write(given)
    with pytest.raises(WrongUse, match="Did you mean"):
        kind_of(plain).write({"vlaue": 1})


def test_a_parameter_that_was_taken_away_is_left_out() -> None:
    assert kind_of(plain).read('{"value":1,"gone":2}') == {"value": 1}


def test_what_cannot_be_a_job_is_refused() -> None:
    def no_coroutine() -> None: ...

    async def any_number(*values: int) -> None: ...

    async def reserved(delay: int) -> None: ...

    async def wrong_job(job: str) -> None: ...

    async def unknown(value: Thing) -> None: ...  # type: ignore[name-defined] # noqa: F821  # the mistake

    async def good(job: Job) -> None: ...

    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (no_coroutine, {}, "job.function"),
        (any_number, {}, "job.parameter"),
        (reserved, {}, "job.parameter"),
        (wrong_job, {}, "job.parameter"),
        (unknown, {}, "job.types"),
        (good, {"retries": -1}, "job.option"),
        (good, {"timeout": 0}, "job.option"),
        (good, {"queue": ""}, "job.option"),
    ]
    for function, options, code in wrong:
        with pytest.raises(DeclarationError) as refused:
            kind_of(function, **options)
        assert refused.value.code == code, function
        assert refused.value.origin is not None and refused.value.origin.file == __file__


def test_two_jobs_do_not_share_a_name() -> None:
    app = App("Jobs")

    def declare() -> Any:
        async def send() -> None: ...

        return send

    app.job(declare())
    app.job(declare())
    with pytest.raises(DeclarationError, match="two jobs are named `send`"):
        assert app.runtime.model
    app = App("Jobs")
    app.job(declare())
    app.job(name="send_again")(declare())
    assert set(app.runtime.model.jobs.by_name) == {"send", "send_again"}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("postgresql://shop:hunter2@db/shop is away", "postgresql://shop:***@db/shop is away"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer ***"),
        ("token=abc; next", "token=***; next"),
        ('{"password": "hunter2", "user": "ann"}', '{"password": ***, "user": "ann"}'),
        ("the key sk_live_abcdefgh1234 is wrong", "the key sk_*** is wrong"),
        ("session st_0123456789abcdef", "session st_***"),
        ("two\nlines\x1b[31m", "two lines?[31m"),
        ("the oven is cold", "the oven is cold"),
    ],
)
def test_a_reason_has_no_secrets_and_one_line(said: str, kept: str) -> None:
    assert reason(OSError(said)) == f"OSError: {kept}"
    assert len(reason(OSError("x" * 10_000))) == 1_000
