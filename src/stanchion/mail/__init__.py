"""Mail: what an app writes to people, each mail a job of the queue.

In: a template, values, an address.   Out: a job in the caller's transaction; when it runs, the mail
is handed to a server.
Refuses: what is no address or no template, where the app's code says it (`WrongUse`).
`templates` renders, `letter` makes what is sent, `carriers` are the ways it goes, `mailer` joins
them for one app. Links begin with the public URL of the app, and with nothing that a request says.
Called by `transaction` and `auth`; made by `runtime`.
"""

from .carriers import Carrier, Folder, Outbox
from .letter import Letter
from .mailer import Mailer

__all__ = ["Carrier", "Folder", "Letter", "Mailer", "Outbox"]
