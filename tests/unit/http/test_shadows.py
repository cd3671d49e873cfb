"""Routes behind a generated one are refused at start, wherever they are declared."""

from __future__ import annotations

import pytest

from stanchion import App, Module, Record, Rules, public
from stanchion.errors import DeclarationError


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


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", "/api/things"), ("post", "/api/things/{id}/publish"), ("get", "/api/things/_report"),
     ("get", "/api/other"), ("get", "/things")],
)  # fmt: skip
def test_other_routes_are_not(method: str, path: str) -> None:
    app = make_app()
    getattr(app, method)(path)(lambda: None)
    app.check()
