"""The codes of `GET /api/_explain`."""

from __future__ import annotations

from ..errors import BadRequest
from .entry import Family, answer

EXPLAIN = Family(
    "explain", "Explanations", "An admin asked why a request is answered as it is.",
    (
        answer(
            BadRequest, "explain.route", "No request of the data API",
            meaning="Requests of the generated API are explained, and no others: a route of the "
            "app is the app's own code.",
            way_out="Name a path as it would be requested, with its query: "
            "`path=/api/orders?sort=-total`, encoded as one parameter.",
            detail="/checkout is no path of the data API.",
        ),
        answer(
            BadRequest, "explain.who", "No such caller",
            meaning="`as` names who would send the request: a user by id or e-mail address, or "
            "`anonymous` or `admin`. The system is not among them: it reads what is kept from "
            "admins too.",
            way_out="Look the user up in the users collection.",
            detail="There is no user with the id or e-mail address 'ann@example.com'.",
            hint="`anonymous` and `admin` need no record.",
        ),
    ),
)  # fmt: skip
