"""The codes of answers in which the server, not the request, is the reason."""

from __future__ import annotations

from ..errors import InternalError, StorageFull, Unavailable
from .entry import Family, answer

SERVER = Family(
    "server", "The server",
    "Nothing is known to be wrong with the request. Nothing was changed unless the text says so; "
    "answers with status 503 carry `Retry-After`.",
    (
        answer(
            InternalError, "server.error", "The server failed",
            meaning="An error that nobody expected ended the request. Its cause stands in the "
            "server's log under the request id, and is not told to callers.",
            way_out="Give the request id to whoever runs the server.",
            detail="The server failed at this request. Nothing is known to be wrong with the "
            "request.",
            hint="The server's log tells more under the request id r_3f9c1b2a77de4410000001.",
            request="r_3f9c1b2a77de4410000001",
        ),
        answer(
            InternalError, "server.internal", "The database refused",
            meaning="The database refused what the server asked of it, or its writer has failed. "
            "That is a fault of the server.",
            way_out="Try again later; if it stays, tell whoever runs the server.",
            detail="The database refused this write.",
        ),
        answer(
            Unavailable, "server.not_ready", "The server is not ready",
            meaning="`/ready` says that requests cannot be served: the database cannot be opened, "
            "does not answer in time, or its schema does not fit the app's.",
            way_out="Send the traffic elsewhere until `/ready` answers 200; the server's log says "
            "what is missing.",
            detail="The database does not match the code.",
        ),
        answer(
            Unavailable, "server.overloaded", "The server has too much to do",
            meaning="More requests arrive, or more writes or long reads wait already, than this "
            "server can answer soon; so it turns new ones away rather than let everybody wait.",
            way_out="Try again after `Retry-After` seconds, and send less at once.",
            detail="Too many writes are waiting already.",
        ),
        answer(
            Unavailable, "server.deadline", "It took too long",
            meaning="The statement was stopped because it took, or waited, longer than it may.",
            way_out="Narrow the filter, ask for fewer records, or try again later.",
            detail="This read took longer than it may.",
            hint="Ask for less at once, or try again later.",
        ),
        answer(
            Unavailable, "server.busy", "Another process holds the database",
            meaning="Another process on the same database held it for longer than a request waits, "
            "or every connection to PostgreSQL was in use for that long.",
            way_out="Try again after `Retry-After` seconds.",
            detail="Another process held the database for too long.",
        ),
        answer(
            Unavailable, "server.uncertain", "Nobody knows whether it was written",
            meaning="The connection between the server and its database broke while the commit was "
            "on its way: the write may have happened or not. SQLite, being no other machine, never "
            "says this.",
            way_out="Read what you wrote to see whether it is there. A create under an id of your "
            "own, or a write with an `Idempotency-Key`, can be sent again: it takes effect once.",
            detail="The connection to the database broke at the commit: the write may have "
            "happened or not.",
            hint="Look whether it is there; or send it again with the same id or "
            "`Idempotency-Key`.",
        ),
        answer(
            Unavailable, "server.database", "The database could not finish",
            meaning="Reading or writing the disk failed, memory ran out, or PostgreSQL cannot be "
            "reached.",
            way_out="Try again later; if it stays, look at the server's log, and at its disk or at "
            "PostgreSQL.",
            detail="The database could not finish this write.",
        ),
        answer(
            Unavailable, "server.database_gone", "The database file is gone",
            meaning="The file, or the log beside it (`-wal`, `-shm`), was deleted, moved away or "
            "replaced while the server runs. What it would write now, nobody would find again, so "
            "it writes nothing.",
            way_out="Put the file back where it was, or start the server again: it serves what is "
            "there then.",
            detail="The database file, or its log, was deleted or replaced under the running "
            "server, so nothing is written.",
            hint="Whoever runs the server: put the file back, or start the server again.",
        ),
        answer(
            InternalError, "server.database_damaged", "The database file is damaged",
            meaning="Pages of the file hold what nobody of us wrote: a failing disk, or another "
            "program that wrote into it. What lies on other pages is still answered, and nothing "
            "is written that needs a damaged one.",
            way_out="Stop the server, keep a copy of the file and of the files `-wal` and `-shm` "
            "beside it, and put a backup in its place. Trust no figure that was answered since.",
            detail="The database file is damaged where this read needs it.",
            hint="Whoever runs the server: stop it, and put a backup in the place of the file.",
        ),
        answer(
            Unavailable, "server.closing", "The server is stopping",
            meaning="The server is about to stop and takes no more work.",
            way_out="Try again after `Retry-After` seconds.",
            detail="The server is stopping and takes no more work.",
        ),
        answer(
            Unavailable, "transaction.timeout", "A transaction took too long",
            meaning="A route of the app held the writer longer than it may; its transaction was "
            "rolled back.",
            way_out="In the app, do slow work (mail, payments, other services) before or after the "
            "transaction.",
            detail="This transaction held the writer for more than 2000 ms and was rolled back.",
            hint="Do slow work (mail, payments, other services) before or after the transaction.",
        ),
        answer(
            Unavailable, "transaction.conflict", "Others changed what a transaction had read",
            meaning="On PostgreSQL several transactions work at once. What this one had read was "
            "changed by another before it ended, so it was rolled back.",
            way_out="Send the request again.",
            detail="What this transaction had read was changed by another one before it ended; it "
            "was rolled back.",
            hint="Send the request again.",
        ),
        answer(
            Unavailable, "transaction.lost", "A transaction was rolled back",
            meaning="A statement failed in a way that made the database drop the whole "
            "transaction; what follows in it cannot be done.",
            way_out="Run the whole request again.",
            detail="A statement before this one failed so that the whole transaction was rolled "
            "back.",
        ),
        answer(
            StorageFull, "storage.full", "The disk is full",
            meaning="There is no room left to write; reading still works.",
            way_out="Free some space on the server; no restart is needed.",
            detail="There is no room left for the database; nothing was changed.",
            hint="Free some space on the server; no restart is needed.",
        ),
    ),
)  # fmt: skip
