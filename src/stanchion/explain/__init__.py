"""Why a request is answered as it is, and at what cost.

In: a request of the generated API, who asks, and the pipelines of an app.
Out: `Explanation`: the actor, each rule with the verdict of each of its parts, the fields that are
not shown, the answer, the SQL, how the database would run it, and which index would help.

Nothing is changed: `rehearsal` runs every write in a transaction that is rolled back. The answer
is the app's own, given by the pipelines that serve it; this package only looks on.
"""

from .noting import noting
from .report import explain_request
from .said import Answer, Explanation, Request
from .text import as_data, render

__all__ = ["Answer", "Explanation", "Request", "as_data", "explain_request", "noting", "render"]
