"""`GET /api/_schema`: what a caller may see of the model, and nothing besides."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stanchion import App, Field, Record, Rules, public
from stanchion.errors import DeclarationError
from stanchion.testing import client

from .conftest import Api

PATH = "/api/_schema"
CALLERS = ("anonymous", "ada", "bo", "mia", "system")
FILE = Path(__file__).parent / "schema.json"  # STANCHION_GOLDEN=write writes it anew


def model(api: Api, caller: str) -> Any:
    answer = api.get(PATH, caller)
    assert answer.status == 200
    return answer.json


def test_model_that_a_customer_sees_is_as_reviewed(api: Api) -> None:
    text = json.dumps(model(api, "ada"), indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("STANCHION_GOLDEN") == "write":
        FILE.write_text(text, "utf-8")
    assert text == FILE.read_text("utf-8"), f"{FILE.name} differs; is the change meant?"


def test_what_is_written_about_a_field_and_a_collection_is_told() -> None:
    app = App("Docs")

    @app.collection("notes")
    class Note(Record):
        """What one keeps in mind."""

        text: str = Field(description="A line or two.")
        rules = Rules(read=public)

    with client(app) as http:
        note = http.get(PATH).json()["collections"]["notes"]
    assert note["doc"] == "What one keeps in mind."
    assert note["fields"]["text"]["doc"] == "A line or two."
    assert "doc" not in note["fields"]["id"]


def test_closed_collection_is_not_there_and_nothing_names_it(api: Api) -> None:
    assert "ledger" not in model(api, "mia")["collections"]
    assert b"ledger" not in api.get(PATH, "mia").body
    assert "ledger" in model(api, "system")["collections"]


def test_collection_that_no_anonymous_caller_may_touch_is_not_there(api: Api) -> None:
    assert set(model(api, "anonymous")["collections"]) == {
        "teams", "users", "categories", "products", "reviews"
    }  # fmt: skip
    assert {"orders", "lines", "projects"} <= set(model(api, "ada")["collections"])


def test_field_that_this_caller_never_reads_does_not_exist(api: Api) -> None:
    seen = {c: model(api, c)["collections"] for c in CALLERS}
    for caller in ("anonymous", "ada", "bo"):
        assert "cost" not in seen[caller]["products"]["fields"]
        assert b'"cost"' not in api.get(PATH, caller).body
    assert "cost" in seen["mia"]["products"]["fields"]
    assert "pin" not in seen["ada"]["users"]["fields"]
    assert "nick" not in seen["anonymous"]["users"]["fields"]
    assert seen["ada"]["users"]["fields"]["phone"]["read"] == "sometimes"
    assert "phone" not in seen["anonymous"]["users"]["fields"]


@pytest.mark.parametrize("caller", CALLERS)
def test_every_field_and_relation_that_is_told_can_be_asked_for(api: Api, caller: str) -> None:
    for name, collection in model(api, caller)["collections"].items():
        if collection["operations"]["read"] == "never":
            assert collection["fields"] == collection["relations"] == {}
            continue
        fields = ",".join(collection["fields"])
        assert api.get(f"/api/{name}", caller, fields=fields).status == 200
        for relation in collection["relations"]:
            assert api.get(f"/api/{name}", caller, expand=relation).status == 200


@pytest.mark.parametrize("caller", CALLERS)
def test_never_means_that_the_call_is_refused(api: Api, caller: str) -> None:
    for name, collection in model(api, caller)["collections"].items():
        for operation, method in (("read", "GET"), ("create", "POST")):
            sent = api.send(method, f"/api/{name}", {"": 1}, caller)
            refused = sent.status in (401, 403)
            assert refused is (collection["operations"][operation] == "never"), (name, operation)


def test_field_says_its_type_and_what_may_be_set(api: Api) -> None:
    fields = model(api, "mia")["collections"]["products"]["fields"]
    price, serial = fields["price"], fields["serial"]
    assert (price["type"], price["places"], price["required"]) == ("decimal", 2, True)
    assert (serial["type"], serial["big"], serial["default"]) == ("int", True, "0")
    assert (price["create"], price["update"]) == ("maybe", "maybe")
    assert (fields["id"]["create"], fields["id"]["update"]) == ("maybe", "never")
    assert (fields["created"]["create"], fields["created"]["system"]) == ("never", True)
    assert fields["category"]["collection"] == "categories"
    seen = model(api, "anonymous")["collections"]["products"]["fields"]["price"]
    assert (seen["create"], seen["update"]) == ("never", "never")


def test_relations_say_what_they_are_made_of(api: Api) -> None:
    teams = model(api, "ada")["collections"]["teams"]["relations"]
    assert teams["members"] == {"type": "many", "collection": "users", "field": "team"}
    assert teams["plans"] == {
        "type": "many", "collection": "projects", "through": "project_teams", "by": "team",
        "to": "project",
    }  # fmt: skip
    assert set(model(api, "anonymous")["collections"]["teams"]["relations"]) == {"members"}
    users = model(api, "anonymous")["collections"]["users"]
    assert "orders" not in users["relations"], "closed to this caller"


def test_limits_are_those_that_hold(api: Api) -> None:
    limits = model(api, "anonymous")["limits"]
    assert api.get("/api/products", limit=limits["page"]).status == 200
    assert api.get("/api/products", limit=limits["page"] + 1).status == 400
    assert (limits["expand_many"], limits["filter"]) == (100, 4096)


def test_it_takes_no_parameters_and_no_other_method(api: Api) -> None:
    assert api.get(PATH, fields="x").code == "query.unknown_parameter"
    refused = api.send("POST", PATH, {})
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert api.ask("GET", f"{PATH}/x").status == 404
    assert api.ask("GET", f"{PATH}/").status == 404


def test_route_of_an_app_in_its_place_is_refused() -> None:
    app = App("Shop")

    @app.get(PATH)
    def mine() -> None: ...

    with pytest.raises(DeclarationError, match="_schema"):
        app.check()
