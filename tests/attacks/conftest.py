"""The app of `app.py`, one for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stanchion.testing import Client, client

from .app import make_app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with client(make_app()) as running:
        yield running
