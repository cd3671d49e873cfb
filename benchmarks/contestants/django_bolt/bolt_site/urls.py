"""No Django views: django-bolt finds its routes in `api.py` beside this file."""

urlpatterns: list[object] = []
