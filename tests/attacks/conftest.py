"""The app of `app.py`, one for each module. Hashes are cheap here: nobody guesses a password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from stanchion.testing import Client, client
from tests.cheap_hashes import make_hashes_cheap

from .app import make_app


@pytest.fixture(scope="module")
def http() -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        make_hashes_cheap(patch)
        with client(make_app()) as running:
            yield running
