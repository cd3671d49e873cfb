"""Routes behind a generated one are refused at start, wherever they are declared."""

from __future__ import annotations

import pytest
from fastapi import APIRouter, FastAPI

from stanchion import App, Module, Record, Rules, public, testing
from stanchion.errors import DeclarationError
from stanchion.http.routes import walk_routes


def make_app() -> App:
    app = App("Shadows")

    @app.collection("things")
    class Thing(Record):
        rules = Rules(read=public)

    return app


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/things"),
        ("post", "/things"),
        ("get", "/things/special"),
        ("patch", "/things/{id}"),
        ("get", "/things/_aggregate"),
        ("get", "/_schema"),
        ("post", "/_batch"),
    ],
)
def test_shadowed_route_is_refused(method: str, path: str) -> None:
    app = make_app()
    getattr(app, method)(f"/api{path}")(lambda: None)
    with pytest.raises(DeclarationError) as refused:
        app.check()
    assert refused.value.code == "route.shadowed"
    assert path in refused.value.detail


def test_shadowed_route_of_a_module_is_refused() -> None:
    app, inner = make_app(), Module("inner", prefix="/api")
    inner.get("/things")(lambda: None)
    app.include(inner)
    with pytest.raises(DeclarationError):
        app.check()


def test_shadowed_route_below_an_include_prefix_is_refused() -> None:
    app, inner = make_app(), Module("inner")
    inner.get("/things/one")(lambda: None)
    app.include(inner, prefix="/api")
    with pytest.raises(DeclarationError):
        app.check()


def test_shadowed_route_of_a_mounted_app_is_refused() -> None:
    app, inner = make_app(), FastAPI()
    inner.get("/things/one")(lambda: None)
    app.mount("/api", inner)
    with pytest.raises(DeclarationError):
        app.check()


def test_walk_finds_routes_at_any_depth_with_their_whole_path() -> None:
    app, outer, inner, mounted = FastAPI(openapi_url=None), APIRouter(), APIRouter(), FastAPI()
    inner.post("/deep")(lambda: None)
    inner.websocket("/live")(lambda: None)
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer, prefix="/outer")
    mounted.include_router(inner)
    app.mount("/mounted", mounted)
    found = [(path, methods) for path, methods, _, _ in walk_routes(app.routes)]
    assert found[:3] == [
        ("/outer/inner/deep", {"POST"}), ("/outer/inner/live", None), ("/mounted", None),
    ]  # fmt: skip
    assert ("/mounted/deep", {"POST"}) in found and ("/mounted/live", None) in found


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", "/api/things"), ("post", "/api/things/{id}/publish"), ("get", "/api/things/_report"),
     ("get", "/api/other"), ("get", "/things"), ("get", "/api/things/"),
     ("patch", "/api/things/_aggregate"), ("post", "/api/_schema")],
)  # fmt: skip
def test_other_routes_are_not(method: str, path: str) -> None:
    app = make_app()
    getattr(app, method)(path)(lambda: None)
    app.check()


def test_route_beside_the_generated_ones_is_called() -> None:
    app = make_app()
    app.get("/api/things/")(lambda: "slash")
    app.patch("/api/things/_aggregate")(lambda: "patched")
    with testing.client(app) as client:
        assert client.get("/api/things/").json() == "slash"
        assert client.patch("/api/things/_aggregate", {}).json() == "patched"
        assert client.get("/api/things/_aggregate?count=true").json()["items"] == [
            {"group": {}, "count": 0}
        ]


def test_bare_record_in_a_mounted_app_is_refused() -> None:
    app, inner = App("Shop"), FastAPI()

    class Thing(Record):
        name: str

    async def make(thing: Thing) -> None: ...

    app.collection("things")(Thing)
    make.__annotations__["thing"] = Thing
    inner.post("/things")(make)
    app.mount("/inner", inner)
    with pytest.raises(DeclarationError, match="bare Thing"):
        app.check()
