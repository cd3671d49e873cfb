"""Who is measured. The order is the order of the tables."""

from benchmarks.contestants.base import Contestant, NotInstalled, Page
from benchmarks.contestants.own import Limit, Stanchion
from benchmarks.contestants.pocketbase_driver import PocketBase
from benchmarks.contestants.python_apps import DjangoBolt, DjangoNinja, FastApi

ALL: tuple[type[Contestant], ...] = (
    Stanchion,
    Limit,
    PocketBase,
    FastApi,
    DjangoNinja,
    DjangoBolt,
)

__all__ = ["ALL", "Contestant", "NotInstalled", "Page"]
