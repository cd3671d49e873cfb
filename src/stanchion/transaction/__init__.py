"""`app.transaction()`: the write door for an app's own code.

`typed` is what a block is given, `conditional` the one call in it that the database computes, and
`block` when all of it is committed.
"""

from .block import (
    AnsweredBefore,
    NotCommitted,
    TransactionBroken,
    drop_answer,
    keep_answer,
    open_transaction,
    settle,
)
from .conditional import calc
from .typed import Transaction

__all__ = [
    "AnsweredBefore", "NotCommitted", "Transaction", "TransactionBroken", "calc", "drop_answer",
    "keep_answer", "open_transaction", "settle",
]  # fmt: skip
