"""Each change row names the request that it came from, whichever way the write took."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stanchion import App, Record, Rules, public
from stanchion.testing import Client, client


def make_app() -> App:
    app = App("Log")

    @app.collection("things")
    class Thing(Record):
        name: str
        rules = Rules(read=public, create=public)

    @app.post("/make")
    async def make() -> str:
        async with app.transaction() as tx:
            return (await tx.create(Thing(name="by a route"))).id

    return app


@pytest.fixture
def http() -> Iterator[Client]:
    with client(make_app()) as caller:
        yield caller


def test_change_rows_name_their_request(http: Client) -> None:
    by_route = http.post("/make")
    by_api = http.post("/api/things", json={"name": "by the data API"})

    async def read() -> list[tuple[str, str]]:
        records = await http.app.runtime.records()
        return await records.engine.fetch("select request,after from _changes order by seq", ())  # type: ignore[return-value]  # two texts a row

    rows = http.run(read())
    requests = [by_route.headers["x-request-id"], by_api.headers["x-request-id"]]
    assert [request for request, _ in rows] == requests
    assert len(set(requests)) == 2
