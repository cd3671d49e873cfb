"""An app on SQLite loads nothing that only PostgreSQL or a copy needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

APP = """
import asyncio, sys
from stanchion import App, Record

app = App("Shop")


@app.collection("pizzas")
class Pizza(Record):
    name: str


async def run():
    async with app.transaction(actor=app.system()) as tx:
        await tx.create(Pizza(name="Margherita"))
    await app.runtime.close()


asyncio.run(run())
print(*sys.modules)
"""
OTHERS = ("asyncpg", "stanchion.engines.postgres", "stanchion.engines.bulk", "stanchion.copying",
          "stanchion.sql.copy", "stanchion.migrate.alter", "stanchion.changelog.moved")  # fmt: skip


def test_nothing_of_postgresql_is_loaded_for_sqlite(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", APP],
        env={"STANCHION_DATABASE_URL": f"sqlite:///{tmp_path / 'app.db'}"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    loaded = ran.stdout.split()
    assert "stanchion.engines.sqlite" in loaded
    assert [name for name in loaded if name.startswith(OTHERS)] == []
