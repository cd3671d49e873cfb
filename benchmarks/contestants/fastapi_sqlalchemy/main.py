"""The Python default: FastAPI, SQLAlchemy 2's async ORM and uvicorn, as their docs teach.

SQLite in WAL through aiosqlite, or PostgreSQL through asyncpg. The caller is a dependency that
answers one fixed user, as in the other contestants; the row rule is a condition of each statement.
`python main.py DATABASE` makes the tables; DATABASE is a file, or an address for asyncpg.
"""

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import DateTime, ForeignKey, Index, String, event, or_, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

CALLER = "00000000-0000-7000-8000-000000000001"
PATH = sys.argv[1] if __name__ == "__main__" else os.environ["BENCH_DATABASE"]
if "://" in PATH:
    engine = create_async_engine(PATH)
else:
    engine = create_async_engine(f"sqlite+aiosqlite:///{PATH}", connect_args={"timeout": 30})
Session = async_sessionmaker(engine, expire_on_commit=False)


def use_wal(connection, _record) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


if engine.dialect.name == "sqlite":
    event.listen(engine.sync_engine, "connect", use_wal)


class Base(DeclarativeBase):
    pass


class Stamped:
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    created: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=lambda: datetime.now(UTC)
    )
    updated: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), default=lambda: datetime.now(UTC)
    )
    version: Mapped[int] = mapped_column(default=1)


class User(Stamped, Base):
    __tablename__ = "users"
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(80))


class Category(Stamped, Base):
    __tablename__ = "categories"
    name: Mapped[str] = mapped_column(String(80))


class Item(Stamped, Base):
    __tablename__ = "items"
    title: Mapped[str] = mapped_column(String(120))
    note: Mapped[str] = mapped_column(String(400))
    price: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True)
    owner: Mapped[str] = mapped_column(ForeignKey("users.id"))
    category: Mapped[str] = mapped_column(ForeignKey("categories.id"))
    category_record: Mapped[Category] = relationship()
    __table_args__ = (
        Index("items_price", "price", "id"),
        Index("items_owner", "owner", "id"),
        Index("items_category", "category", "id"),
    )


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: str
    created: datetime
    updated: datetime
    version: int

    @field_validator("created", "updated")
    @classmethod
    def in_utc(cls, moment: datetime) -> datetime:
        return moment.replace(tzinfo=UTC)


class CategoryOut(Out):
    name: str


class ItemOut(Out):
    title: str
    note: str
    price: int
    active: bool
    owner: str
    category: str


class ItemExpanded(ItemOut):
    category: CategoryOut = Field(validation_alias="category_record")


class ItemIn(BaseModel):
    title: str = Field(max_length=120)
    note: str = Field(max_length=400)
    price: int = Field(ge=0)
    active: bool = True
    owner: str
    category: str


class Items(BaseModel):
    items: list[ItemOut]


class ItemsExpanded(BaseModel):
    items: list[ItemExpanded]


async def open_session() -> AsyncIterator[AsyncSession]:
    async with Session() as session:
        yield session


async def current_user() -> str:
    return CALLER


Database = Annotated[AsyncSession, Depends(open_session)]
Caller = Annotated[str, Depends(current_user)]
app = FastAPI()


def listed(caller: str, price: int, limit: int, offset: int):
    return (
        select(Item)
        .where(or_(Item.active, Item.owner == caller), Item.price < price, Item.active)
        .order_by(Item.price.desc(), Item.id.desc())
        .limit(limit)
        .offset(offset)
    )


@app.get("/items/{item_id}")
async def read_item(item_id: str, session: Database, caller: Caller) -> ItemOut:
    seen = or_(Item.active, Item.owner == caller)
    item = await session.scalar(select(Item).where(Item.id == item_id, seen))
    if item is None:
        raise HTTPException(404)
    return item


@app.get("/items")
async def list_items(
    session: Database, caller: Caller, price: int, limit: int = 50, offset: int = 0
) -> Items:
    found = await session.scalars(listed(caller, price, limit, offset))
    return {"items": found.all()}


@app.get("/items-expanded")
async def list_expanded(
    session: Database, caller: Caller, price: int, limit: int = 50, offset: int = 0
) -> ItemsExpanded:
    asked = listed(caller, price, limit, offset).options(selectinload(Item.category_record))
    return {"items": (await session.scalars(asked)).all()}


@app.post("/items", status_code=201)
async def create_item(given: ItemIn, session: Database, caller: Caller) -> ItemOut:
    if given.owner != caller:
        raise HTTPException(403)
    item = Item(**given.model_dump())
    session.add(item)
    await session.commit()
    return item


async def make_tables() -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(make_tables())
