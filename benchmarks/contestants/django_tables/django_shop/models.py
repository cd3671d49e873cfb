"""The tables of both Django contestants."""

import uuid

from django.db import models
from django.utils import timezone


def new_id() -> str:
    return str(uuid.uuid4())


class Stamped(models.Model):
    id = models.CharField(max_length=36, primary_key=True, default=new_id)
    created = models.DateTimeField(default=timezone.now)
    updated = models.DateTimeField(default=timezone.now)
    version = models.IntegerField(default=1)

    class Meta:
        abstract = True


class User(Stamped):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80)

    class Meta:
        db_table = "users"


class Category(Stamped):
    name = models.CharField(max_length=80)

    class Meta:
        db_table = "categories"


class Item(Stamped):
    title = models.CharField(max_length=120)
    note = models.CharField(max_length=400)
    price = models.IntegerField()
    active = models.BooleanField(default=True)
    owner = models.ForeignKey(User, models.PROTECT, db_column="owner", db_index=False)
    category = models.ForeignKey(Category, models.PROTECT, db_column="category", db_index=False)

    class Meta:
        db_table = "items"
        indexes = [  # noqa: RUF012
            models.Index(fields=["price", "id"], name="items_price"),
            models.Index(fields=["owner", "id"], name="items_owner"),
            models.Index(fields=["category", "id"], name="items_category"),
        ]
