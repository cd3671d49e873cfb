"""Compile a checked boolean expression to SQL: *certainly true* and *certainly false*.

In: a node of `expr/tree.py`, rows to read its names from.   Out: a `Condition`.
Only "true" counts in what we return: NULL is as good as false. So `!` swaps the two questions,
nothing is ever negated in SQL, and an error (a path through null, an overflow, an order with
null) makes neither of them true. The one NOT, in `all`, is over `is not true`.

    conditions    `ExpressionCompiler`: junctions, and which of the files below a node goes to
    comparisons   == != < and their kin; null as a value; conditions compared with each other
    membership    `in`, contains, startsWith, endsWith
    macros        exists, all, exists_one
    values        literals, sums, sizes; two values in one representation
    paths         records joined by EXISTS; what the caller may see of them
    chains        nested IN, for a path that is compared with an identity
    rows          the values that all of these share
"""

from .conditions import ExpressionCompiler
from .rows import Access, Rows, Term

__all__ = ["Access", "ExpressionCompiler", "Rows", "Term"]
