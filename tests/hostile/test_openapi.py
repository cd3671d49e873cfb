"""schemathesis reads our own /openapi.json and sends what it allows, and what it forbids.

Every answer is held to the document: a status that it names, a body that fits its schema, the right
content type; bodies that break their schema must not be accepted; and never a 5xx.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.hostile.conftest import load_app

# a JSON schema cannot say what a filter, a cursor or a list of names may hold
BEYOND_SCHEMAS = [positive_data_acceptance]
EXAMPLES = 250 if os.environ.get("STANCHION_FUZZ") == "deep" else 25


ASGI = Callable[[Any, Any, Any], Awaitable[None]]


def described_by(folder: Path, name: str, around: Callable[[ASGI], ASGI] = lambda app: app) -> Any:
    from stanchion import Settings

    module = load_app(name)
    runtime = module.app.runtime
    runtime._settings = replace(Settings(), database_url=f"sqlite:///{folder / 'w.db'}")
    runtime.change_schema = True
    return schemathesis.openapi.from_asgi("/openapi.json", around(module.app))


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return described_by(tmp_path_factory.mktemp("described"), "hostile_described")


def other_status(app: ASGI) -> ASGI:
    """400 is told as 418, which no document names."""

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        async def tell(message: Any) -> None:
            if message.get("status") == 400:
                message = {**message, "status": 418}
            await send(message)

        await app(scope, receive, tell)

    return changed


def other_body(app: ASGI) -> ASGI:
    """A list of records has no `items`."""

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        async def tell(message: Any) -> None:
            if "body" in message and scope["path"] != "/openapi.json":
                message = {**message, "body": message["body"].replace(b'"items"', b'"ITEMS"')}
            await send(message)

        await app(scope, receive, tell)

    return changed


def any_body(app: ASGI) -> ASGI:
    """What breaks its schema is accepted, without a word."""

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        refused = False

        async def tell(message: Any) -> None:
            nonlocal refused
            if message.get("status") in (400, 422):
                refused = True
                message = {**message, "status": 204, "headers": []}
            elif refused:
                message = {**message, "body": b""}
            await send(message)

        await app(scope, receive, tell)

    return changed


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_the_document_says(described: Any, mode: GenerationMode) -> None:
    check_document(described, mode, EXAMPLES)


@pytest.mark.parametrize(
    ("plant", "mode"),
    [
        (other_status, GenerationMode.NEGATIVE),
        (other_body, GenerationMode.POSITIVE),
        (any_body, GenerationMode.NEGATIVE),
    ],
)
def test_planted_answer_beside_the_document_is_seen(
    tmp_path: Path, plant: Callable[[ASGI], ASGI], mode: GenerationMode
) -> None:
    planted = described_by(tmp_path, f"hostile_{plant.__name__}", plant)
    with pytest.raises(FailureGroup):
        check_document(planted, mode, 10)


def check_document(described: Any, mode: GenerationMode, examples: int) -> None:
    """Every operation, asked with what its schema allows or forbids."""
    asked = 0
    statuses: set[int] = set()
    for found in described.get_all_operations():
        operation = found.ok()

        @seed(1)
        @settings(
            max_examples=examples, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            response = case.call()
            statuses.add(response.status_code)
            # two refusals that the check does not count as such; 412 is judged before the body
            refused = [negative_data_rejection] if response.status_code in (412, 413) else []
            case.validate_response(response, excluded_checks=[*BEYOND_SCHEMAS, *refused])

        try:
            ask()
        except Unsatisfiable:  # a call without anything to send wrong
            assert mode is GenerationMode.NEGATIVE
    print(f"{asked:,} requests, {mode}: {sorted(statuses)}")
    assert asked > examples * 5
    assert len(statuses) > 3
