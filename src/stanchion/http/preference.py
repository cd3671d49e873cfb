"""What a caller would rather have: `Accept`, `Accept-Encoding`.

In: such a header.   Out: how much it wants something, from 0 to 1; whether it takes gzip.
Called by pages and packing.
"""

from __future__ import annotations

from functools import lru_cache

LONGEST_ENCODINGS = 512
"""Characters of an `Accept-Encoding` that is looked at; a longer one is as if it were not there."""


def weight(header: str, wanted: str) -> float:
    """How much a header such as `Accept` wants something: 0 to 1; what it says of the thing itself
    counts more than what it says of `text/*` and `*/*`.

    >>> header = "text/html, application/json;q=0.5, */*;q=0.1"
    >>> weight(header, "text/html"), weight(header, "application/json"), weight(header, "image/png")
    (1.0, 0.5, 0.1)
    """
    found = _weights(header)
    group = wanted.partition("/")[0] + "/*"
    return next((found[n] for n in (wanted, group, "*/*", "*") if n in found), 0.0)


@lru_cache(maxsize=64)
def takes_gzip(encodings: str) -> bool:
    """Whether an `Accept-Encoding` takes gzip, and likes nothing unpacked better.

    `*` stands for every coding that is not named, gzip and identity among them.

    >>> takes_gzip("gzip, br"), takes_gzip("*"), takes_gzip("identity, gzip;q=0.5")
    (True, True, False)
    """
    if len(encodings) > LONGEST_ENCODINGS:
        return False
    found = _weights(encodings)
    others = found.get("*", 0.0)
    gzip = found.get("gzip", found.get("x-gzip", others))
    return gzip > 0 and gzip >= found.get("identity", others)


def _weights(header: str) -> dict[str, float]:
    """Each thing that the header names; what is no weight counts as 0."""
    found: dict[str, float] = {}
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        given = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            found[name] = min(1.0, max(0.0, float(given)))
        except ValueError:
            found[name] = 0.0
    return found
