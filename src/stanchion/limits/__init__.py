"""Limits: how often one caller may do something, counted where the answer must be the same.

In: what is counted, whose, and how often it may be.   Out: what is left, or a 429 that says when.
`limiter` decides and is what others call; `shares` says what is counted under which key. A limit is
counted `in_memory` where one process serves, `in_rows` of our own database where several may,
`in_redis` where there is one. Why so: docs/decisions/012-limits.md,
"Where it is counted".
"""

from .limiter import Home, Limiter, LimitHeaders
from .shares import Counted, Whose, of_client, of_user

__all__ = ["Counted", "Home", "LimitHeaders", "Limiter", "Whose", "of_client", "of_user"]
