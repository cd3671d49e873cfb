"""schemathesis reads our own /openapi.json and sends what it allows, and what it forbids.

Every answer is held to the document: a status that it names, a body that fits its schema, the right
content type; bodies that break their schema must not be accepted; and never a 5xx.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.hostile.conftest import load_app

# a JSON schema cannot say what a filter, a cursor or a list of names may hold
BEYOND_SCHEMAS = [positive_data_acceptance]
EXAMPLES = 250 if os.environ.get("STANCHION_FUZZ") == "deep" else 25


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from stanchion import Settings

    module = load_app("hostile_described")
    runtime = module.app.runtime
    path = tmp_path_factory.mktemp("described") / "w.db"
    runtime._settings = replace(Settings(), database_url=f"sqlite:///{path}")
    runtime.change_schema = True
    return schemathesis.openapi.from_asgi("/openapi.json", module.app)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_answers_are_as_the_document_says(described: Any, mode: GenerationMode) -> None:
    asked = 0
    statuses: set[int] = set()
    for found in described.get_all_operations():
        operation = found.ok()

        @seed(1)
        @settings(
            max_examples=EXAMPLES, deadline=None, database=None,
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
    assert asked > EXAMPLES * 5
    assert len(statuses) > 3
