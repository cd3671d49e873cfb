"""Where a browser goes when somebody has signed in.

In: a text that anybody may have written into a link.   Out: whether it is a place of this app.
"""

from __future__ import annotations

import re

_GOAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1000}")


def is_goal(text: str) -> bool:
    """Whether it is a path of this app, which no browser takes for another host.

    >>> is_goal("/orders?open=1"), is_goal("//evil.example"), is_goal("https://evil.example")
    (True, False, False)
    """
    return _GOAL.fullmatch(text) is not None
