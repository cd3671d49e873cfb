"""`app.transaction()`: the write door for an app's own code.

`typed` is what a block is given, `conditional` the one call in it that the database computes,
`block` when all of it is committed, and `seed` the block that is run once.
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
from .seed import Seed, check_seed, plant
from .typed import Transaction

__all__ = [
    "AnsweredBefore", "NotCommitted", "Seed", "Transaction", "TransactionBroken", "calc",
    "check_seed", "drop_answer", "keep_answer", "open_transaction", "plant", "settle",
]  # fmt: skip
