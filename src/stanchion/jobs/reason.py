"""Why a try failed, as the row of its job keeps it: short, on one line, and without secrets.

In: what a handler raised.   Out: a text that admins may read.
Called by trying. The whole error, with its traceback, goes to the log.
"""

from __future__ import annotations

import re

from .rows import LONGEST_ERROR

_HIDDEN = "***"
_SECRETS = (
    # user:password@ of an address
    (re.compile(r"(\w://[^\s/:@]*):[^\s/@]+@"), rf"\1:{_HIDDEN}@"),
    # Bearer and Basic credentials, and tokens that say what they are
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {_HIDDEN}"),
    (re.compile(r"\b(stk?|sk|pk|rk|whsec|ghp|gho|xox[bp])_[\w-]{8,}"), rf"\1_{_HIDDEN}"),
    # password=…, "api_key": "…", token: …
    (
        re.compile(
            r"""(passw(?:or)?d|pwd|secret|token|api[-_ ]?key|authorization|cookie|signature)"""
            r"""(["']?\s*[=:]\s*)(?!bearer\b|basic\b)("[^"]*"|'[^']*'|[^\s,;&)}\]]+)""",
            re.IGNORECASE,
        ),
        rf"\1\2{_HIDDEN}",
    ),
)


def reason(error: BaseException) -> str:
    """`SMTPServerDisconnected: the connection was closed`.

    >>> reason(OSError("postgresql://shop:hunter2@db/shop does not answer"))
    'OSError: postgresql://shop:***@db/shop does not answer'
    """
    said = str(error)[: 4 * LONGEST_ERROR]
    for secret, instead in _SECRETS:
        said = secret.sub(instead, said)
    line = " ".join(f"{type(error).__name__}: {said}".rstrip(": ").split())
    line = "".join(c if c.isprintable() else "?" for c in line)
    return line if len(line) <= LONGEST_ERROR else line[: LONGEST_ERROR - 1] + "…"
