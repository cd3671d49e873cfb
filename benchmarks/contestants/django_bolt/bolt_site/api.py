"""django-bolt's contestant: async handlers, its serializers and its fast path for query sets."""

from datetime import datetime
from typing import Annotated

from django.conf import settings
from django.db.models import Q
from django_bolt import BoltAPI
from django_bolt.exceptions import HTTPException
from django_bolt.serializers import Serializer, field
from django_shop.models import Item
from msgspec import Meta

api = BoltAPI()


class CategoryOut(Serializer):
    id: str
    name: str
    created: datetime
    updated: datetime
    version: int


class ItemOut(Serializer):
    id: str
    title: str
    note: str
    price: int
    active: bool
    owner: str
    category: str
    created: datetime
    updated: datetime
    version: int


class ItemExpanded(Serializer):
    id: str
    title: str
    note: str
    price: int
    active: bool
    owner: str = field(source="owner_id")
    category: CategoryOut
    created: datetime
    updated: datetime
    version: int


class ItemIn(Serializer):
    title: Annotated[str, Meta(max_length=120)]
    note: Annotated[str, Meta(max_length=400)]
    price: Annotated[int, Meta(ge=0)]
    owner: str
    category: str
    active: bool = True


FIELDS = ItemOut.__struct_fields__


def visible():
    return Item.objects.filter(Q(active=True) | Q(owner_id=settings.CALLER))


def listed(price: int, limit: int, offset: int):
    found = visible().filter(price__lt=price, active=True).order_by("-price", "-id")
    return found[offset : offset + limit]


@api.get("/items/{item_id}")
async def read_item(item_id: str) -> ItemOut:
    found = await visible().filter(id=item_id).values(*FIELDS).afirst()
    if found is None:
        raise HTTPException(404, "not found")
    return found


@api.get("/items")
async def list_items(price: int, limit: int = 50, offset: int = 0) -> list[ItemOut]:
    return listed(price, limit, offset)


@api.get("/items-expanded")
async def list_expanded(price: int, limit: int = 50, offset: int = 0) -> list[ItemExpanded]:
    return listed(price, limit, offset).select_related("category")


@api.post("/items", status_code=201)
async def create_item(given: ItemIn) -> ItemOut:
    if given.owner != settings.CALLER:
        raise HTTPException(403, "the row rule")
    item = await Item.objects.acreate(
        title=given.title, note=given.note, price=given.price, active=given.active,
        owner_id=given.owner, category_id=given.category,
    )  # fmt: skip
    return {name: getattr(item, name) for name in FIELDS[:5]} | {
        "owner": item.owner_id, "category": item.category_id, "created": item.created,
        "updated": item.updated, "version": item.version,
    }  # fmt: skip
