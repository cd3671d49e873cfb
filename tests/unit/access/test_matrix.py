"""The access matrix: who is told apart, what a cell says, and how it is stored."""

from typing import Any, Literal

import pytest

from stanchion.access import (
    AccessMatrix,
    SnapshotUnusable,
    compare,
    find_access,
    parse_snapshot,
    render_matrix,
    render_snapshot,
)
from stanchion.access.changes import implies
from stanchion.declare import (
    Declarations,
    Field,
    Record,
    Ref,
    Rules,
    UserRecord,
    build_model,
    owner,
    public,
    role,
    rule,
    signed_in,
)
from stanchion.plan.policy import compile_policy

Role = Literal["customer", "cook", "owner"]
UNCHANGED = "old == null || record.state == old.state"


def shop(
    rules: Rules | None = None,
    note: Any = True,
    roles: Any = Role,
    default: Any = "customer",
    extra: bool = False,
) -> AccessMatrix:
    """The matrix of a shop with these rules over its orders."""
    declarations = Declarations()

    @declarations.collection("users")
    class User(UserRecord):
        role: roles = default
        rules = Rules(read="record.id == auth.id")

    given, readers = rules or Rules(), note

    @declarations.collection("orders")
    class Order(Record):
        customer: Ref[User] = Field(frozen=True)
        state: str = "new"
        note: str = Field(default="", read=readers)
        if extra:
            cost: int = 0
        rules = given

    return find_access(compile_policy(build_model("Shop", declarations.declared).schema))


def cells(matrix: AccessMatrix, operation: str, field: str | None = None) -> dict[str, str]:
    return {c: matrix.cell(c, operation, "orders", field) for c in matrix.callers}


# callers


def test_roles_are_the_choices_of_the_field_that_rules_compare() -> None:
    matrix = shop(Rules(read=role("cook")))
    assert matrix.callers == ("anonymous", "role=customer", "role=cook", "role=owner", "admin")


def test_of_a_free_text_those_that_rules_name_and_any_other() -> None:
    matrix = shop(Rules(read=role("cook"), create="auth.role in ['boss', 'cook']"), roles=str)
    assert matrix.callers == ("anonymous", "role=cook", "role=boss", "role=(other)", "admin")
    assert [*cells(matrix, "create").values()] == ["no", "yes", "yes", "no", "yes"]


def test_a_text_that_may_be_missing_or_a_list_has_a_caller_without() -> None:
    matrix = shop(Rules(read='auth.role != "cook"'), roles=str | None, default=None)
    assert cells(matrix, "read") == {
        "anonymous": "no", "role=cook": "no", "role=(other)": "yes", "role=(none)": "yes",
        "admin": "yes",
    }  # fmt: skip
    matrix = shop(Rules(read=role("cook")), roles=list[str], default=[])
    assert cells(matrix, "read") == {
        "anonymous": "no", "role=cook": "yes", "role=(none)": "no", "admin": "yes",
    }  # fmt: skip


def test_without_roles_whoever_is_signed_in_is_one_caller() -> None:
    matrix = shop(Rules(read=signed_in))
    assert cells(matrix, "read") == {"anonymous": "no", "signed in": "yes", "admin": "yes"}


def test_what_is_asked_of_any_other_text_stays_a_condition() -> None:
    matrix = shop(Rules(read='auth.role == "cook" || auth.role.startsWith("co")'), roles=str)
    assert matrix.cell("role=cook", "read", "orders") == "yes"
    assert matrix.cell("role=(other)", "read", "orders") == 'if auth.role.startsWith("co")'


# cells


def test_a_cell_is_what_is_left_of_the_rules() -> None:
    matrix = shop(
        Rules(
            read=owner("customer") | role("owner") | role("cook") & rule("record.state == 'new'"),
            update=role("cook") | role("owner") & rule("auth.verified"),
        )
    )
    own = "if record.customer == auth.id"
    assert cells(matrix, "read") == {
        "anonymous": "no",
        "role=customer": own,
        "role=cook": f'{own} || record.state == "new"',
        "role=owner": "yes",
        "admin": "yes",
    }
    assert cells(matrix, "update")["role=owner"] == "if auth.verified"


def test_who_may_not_read_a_record_changes_none() -> None:
    matrix = shop(Rules(read=owner("customer"), update=public, delete=public, create=public))
    assert set(cells(matrix, "update").values()) == {"no", "if record.customer == auth.id", "yes"}
    assert cells(matrix, "delete")["anonymous"] == "no"
    assert cells(matrix, "create")["anonymous"] == "yes"


def test_a_field_is_reached_through_its_record() -> None:
    matrix = shop(Rules(read=role("cook")), note=role("owner") | owner("customer"))
    assert cells(matrix, "read", "note") == {
        "anonymous": "no",
        "role=customer": "no",
        "role=cook": "if record.customer == auth.id",
        "role=owner": "no",
        "admin": "yes",
    }
    assert cells(shop(Rules(read=public), note=False), "read", "note")["admin"] == "no"


def test_old_is_null_in_a_create_and_there_in_an_update() -> None:
    matrix = shop(Rules(read=public, create=UNCHANGED, update=UNCHANGED))
    assert matrix.cell("anonymous", "create", "orders") == "yes"
    assert matrix.cell("anonymous", "update", "orders") == "if record.state == old.state"
    assert matrix.cell("anonymous", "update", "orders", "customer") == "no", "it is frozen"


# the table


def test_table_marks_conditions_and_leaves_out_what_goes_as_the_record() -> None:
    matrix = shop(Rules(read=owner("customer") | role("cook")), note=role("cook"))
    lines = render_matrix(matrix, ["orders"]).splitlines()
    said = [line.split() for line in lines]
    assert said[1] == ["read", "-", "own", "yes", "own", "yes"]
    assert [".note", "read", "-", "-", "yes", "-", "yes"] in said
    assert said[-1] == ["own:", "record.customer", "==", "auth.id"]
    assert not any(line.strip().startswith((".state", ".version")) for line in lines)


# the stored form


def test_a_stored_matrix_is_the_same_when_it_is_read_again() -> None:
    matrix = shop(Rules(read=owner("customer") | role("cook")), note=role("cook"))
    text = render_snapshot(matrix)
    read = parse_snapshot(text)
    assert (read.callers, list(read.rows.items())) == (matrix.callers, list(matrix.rows.items()))
    assert compare(read, matrix) == ()
    assert '    "orders.state read": "as the record",\n' in text


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format": 2}', '{"format": 1, "callers": ["a"], "cells": {"x read": {}}}',
     '{"format": 1, "callers": ["a"], "cells": {"x read": 1}}',
     '{"format": 1, "callers": [], "cells": {"x.y read": "as the record"}}'],
)  # fmt: skip
def test_what_is_no_stored_matrix_is_refused(text: str) -> None:
    with pytest.raises(SnapshotUnusable):
        parse_snapshot(text)


# changes


def told(before: AccessMatrix, after: AccessMatrix) -> set[tuple[str, str, str]]:
    return {(str(c.place), c.caller, c.way) for c in compare(before, after)}


def test_widening_is_told_apart_from_narrowing() -> None:
    before = shop(Rules(read=owner("customer"), create=signed_in, delete="record.state == 'a'"))
    after = shop(Rules(read=signed_in, create=owner("customer"), delete="record.state == 'b'"))
    assert told(before, after) == {
        ("orders read", "signed in", "wider"),
        ("orders create", "signed in", "narrower"),
        ("orders delete", "signed in", "other"),
    }


def test_a_new_field_is_a_change_and_one_that_goes_as_its_record_is_not() -> None:
    before, after = shop(Rules(read=public)), shop(Rules(read=public), extra=True)
    assert told(before, after) == {
        ("orders.cost read", caller, "wider") for caller in ("anonymous", "signed in", "admin")
    } | {("orders.cost create", "admin", "wider"), ("orders.cost update", "admin", "wider")}
    assert told(shop(), shop(Rules(read=public))) == {
        ("orders read", "anonymous", "wider"), ("orders read", "signed in", "wider"),
    }  # fmt: skip


def test_a_role_that_nobody_knew_was_one_like_any_other() -> None:
    before, after = shop(Rules(read=signed_in)), shop(Rules(read=role("cook")))
    assert told(before, after) == {
        ("orders read", "role=customer", "narrower"), ("orders read", "role=owner", "narrower"),
    }  # fmt: skip
    with_chef = Literal["customer", "cook", "owner", "chef"]
    wider = told(after, shop(Rules(read=role("cook") | role("chef")), roles=with_chef))
    assert ("orders read", "role=chef", "wider") in wider


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("no", "if a", False),
        ("if a", "yes", False),
        ("if a && b", "if a", False),
        ("if a", "if a || b", False),
        ("if a && (b || c)", "if a && b || a && c", True),
        ("if !(a && b)", "if !(a && b) || c", False),
    ],
)
def test_a_condition_implies_another_by_its_parts(one: str, other: str, both: bool) -> None:
    assert implies(one, other)
    assert implies(other, one) is both


def test_conditions_that_have_nothing_in_common_imply_nothing() -> None:
    for one, other in (("if a", "if b"), ("if !a", "if a"), ("if a.exists(x, y)", "if y")):
        assert not implies(one, other)
        assert not implies(other, one)
