"""What tests of an app need: callers to act as, and a client on a database of its own.

with client(app) as http:
    assert http.get("/api/products").status == 200
    with as_actor(app, ann):
        assert http.patch("/api/products/…", {"name": "x"}).status == 403
"""

from .actor import as_actor
from .client import Client, Response, client

__all__ = ["Client", "Response", "as_actor", "client"]
