"""What is certainly wrong, will be slow, or is open without saying so, before users find out.

In: an `App` whose `check()` passed.   Out: `Finding`s, all of one form.
`rules` judges rules by themselves, `lists` and `relations` look at what the database would do,
`middleware` at what stands around every request, `routes` at those that do not say who may call
them, `records` at classes that were forgotten, `sign_in` at what strangers are told.
Called by check, and for the page of dev.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import LEVELS, Finding, Level

if TYPE_CHECKING:
    from ...app import App

__all__ = ["LEVELS", "Finding", "Level", "find_findings"]


def find_findings(app: App) -> tuple[Finding, ...]:
    """Every finding: mistakes first, then warnings, then notes."""
    from ...explain.cost import make_scratch
    from .lists import find_slow_lists
    from .middleware import find_slow_middleware
    from .records import find_undeclared
    from .relations import find_wide_rules
    from .routes import find_silent_routes
    from .rules import find_constant, find_never_true, find_open_writes
    from .sign_in import find_told_addresses

    schema = app.runtime.model.schema
    scratch = make_scratch(schema)
    try:
        found = [
            *find_slow_middleware(app),
            *find_undeclared(app),
            *find_silent_routes(app),
            *find_told_addresses(app),
            *(
                finding
                for collection in schema.collections
                for finding in (
                    *find_never_true(app, collection),
                    *find_open_writes(app, collection),
                    *find_constant(app, collection),
                    *find_slow_lists(app, collection, scratch),
                    *find_wide_rules(app, collection, scratch),
                )
            ),
        ]
    finally:
        scratch.close()
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))
