"""What a caller would rather have: `Accept`, `Accept-Encoding`.

In: such a header.   Out: how much it wants something, from 0 to 1.
Called by pages.
"""

from __future__ import annotations


def weight(header: str, wanted: str) -> float:
    """How much a header such as `Accept` wants something: 0 to 1; what it says of the thing itself
    counts more than what it says of `text/*` and `*/*`."""
    found: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            found[name] = min(1.0, max(0.0, float(weight)))
        except ValueError:
            found[name] = 0.0
    group = wanted.partition("/")[0] + "/*"
    return next((found[n] for n in (wanted, group, "*/*", "*") if n in found), 0.0)
