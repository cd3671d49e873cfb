"""What is good once, without the guard that makes it so: `tests/api/test_used_once.py` sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stanchion.auth import codes, factors, mailed, tickets
from stanchion.engines import Ask
from stanchion.testing import Client
from tests.api.test_used_once import (
    Use,
    a_code_of_an_authenticator,
    a_link_that_signs_in,
    a_recovery_code,
    a_reset_link,
    a_ticket,
    http,
    succeeded,
    the_last_piece,
)

__all__ = ["http"]  # the fixture
Patch = tuple[Any, str, Any]
STAYS = "select user_id from _passwords where ?1<>'' and ?2<>''"
FAULTS: dict[str, tuple[Callable[[Client], Use], list[Patch]]] = {
    "a link that stays": (
        a_link_that_signs_in,
        [(codes, "_TAKE", STAYS), (mailed, "drop_entries", lambda user: Ask("select 1"))],
    ),
    "a reset link that stays": (
        a_reset_link, [(codes, "_TAKE", STAYS), (mailed, "drop_codes", lambda user, email: [])],
    ),
    "a ticket that stays": (
        a_ticket,
        [(tickets, "_TAKE", "select user_id from _tickets where id=?1 and ends>?2")],
    ),
    "a code of an authenticator that stays": (
        a_code_of_an_authenticator,
        [(factors, "_USE",
          "select user_id from _factors where user_id=?1 and created=?3 and ?2>0")],
    ),
    "a recovery code that stays": (
        a_recovery_code,
        [(factors, "_USE_CODE", "select user_id from _recovery where user_id=?1 and digest=?2")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_without_its_guard_more_than_one_succeeds(
    http: Client, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    case, patches = FAULTS[fault]
    use = case(http)
    for module, name, planted in patches:
        monkeypatch.setattr(module, name, planted)
    assert succeeded(use) > 1


def test_a_look_before_the_transaction_sells_more_than_there_is(http: Client) -> None:
    assert succeeded(the_last_piece(http, "/careless/buy")) > 1
