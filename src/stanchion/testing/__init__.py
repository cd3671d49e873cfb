"""What tests of an app need: a client on a database of its own, callers, a clock, the rules.

with client(app) as http:
    ann, cook = http.as_user(email="ann@example.com"), http.as_user(role="cook")
    order = ann.post("/api/orders", {"customer": ann.user.id}).json()
    assert cook.patch(f"/api/orders/{order['id']}", {"state": "done"}).status == 200

`rule(app, Order, "update").allows(actor=…, old=…, record=…)` asks rules without a database,
`check_access(app, "access.json")` fails where anybody may do more or less than is written there.
"""

from ..access import AccessMatrix
from .access import access_matrix, check_access
from .actor import as_actor
from .client import Client, Response, client
from .clock import MovedClock
from .rules import AskedRule, RuleVerdict, rule

__all__ = [
    "AccessMatrix",
    "AskedRule",
    "Client",
    "MovedClock",
    "Response",
    "RuleVerdict",
    "access_matrix",
    "as_actor",
    "check_access",
    "client",
    "rule",
]
