"""django-ninja: synchronous views, as its documentation teaches, under granian's WSGI."""

from datetime import datetime

from django.conf import settings
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.urls import path
from django_shop.models import Item
from ninja import Field, NinjaAPI, Schema
from ninja.errors import HttpError

api = NinjaAPI(docs_url=None, openapi_url=None)


class CategoryOut(Schema):
    id: str
    name: str
    created: datetime
    updated: datetime
    version: int


class ItemBase(Schema):
    id: str
    title: str
    note: str
    price: int
    active: bool
    owner: str = Field(alias="owner_id")
    created: datetime
    updated: datetime
    version: int


class ItemOut(ItemBase):
    category: str = Field(alias="category_id")


class ItemExpanded(ItemBase):
    category: CategoryOut


class Items(Schema):
    items: list[ItemOut]


class ItemsExpanded(Schema):
    items: list[ItemExpanded]


class ItemIn(Schema):
    title: str = Field(max_length=120)
    note: str = Field(max_length=400)
    price: int = Field(ge=0)
    active: bool = True
    owner: str
    category: str


def visible():
    return Item.objects.filter(Q(active=True) | Q(owner_id=settings.CALLER))


def listed(price: int, limit: int, offset: int):
    found = visible().filter(price__lt=price, active=True).order_by("-price", "-id")
    return found[offset : offset + limit]


@api.get("/items/{item_id}", response=ItemOut)
def read_item(request, item_id: str):
    return get_object_or_404(visible(), id=item_id)


@api.get("/items", response=Items)
def list_items(request, price: int, limit: int = 50, offset: int = 0):
    return {"items": listed(price, limit, offset)}


@api.get("/items-expanded", response=ItemsExpanded)
def list_expanded(request, price: int, limit: int = 50, offset: int = 0):
    return {"items": listed(price, limit, offset).select_related("category")}


@api.post("/items", response={201: ItemOut})
def create_item(request, given: ItemIn):
    if given.owner != settings.CALLER:
        raise HttpError(403, "the row rule")
    values = given.dict()
    owner, category = values.pop("owner"), values.pop("category")
    return 201, Item.objects.create(owner_id=owner, category_id=category, **values)


urlpatterns = [path("", api.urls)]
