"""`python -m django_shop.tables` makes the tables of the models in the database of the settings."""

import django
from django.db import connection

django.setup()

from django_shop.models import Category, Item, User  # noqa: E402

with connection.schema_editor() as editor:
    for model in (User, Category, Item):
        editor.create_model(model)
