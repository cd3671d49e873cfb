"""Our own tables: what Stanchion keeps in a database beside the collections.

In: a dialect.   Out: the statements that make them, and how each is read when it is copied. Pure.
No expression, filter or list reaches them: they are in no schema. Their rows are read and written
by the rooms they belong to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .dialect import Dialect

# what a column may be, as each engine says it, and the type of its plain form in PostgreSQL
_KINDS = {
    "sqlite": {
        "text": "text not null", "int": "integer not null", "bytes": "blob not null",
        "time": "text not null", "key": "text primary key", "one": "integer primary key",
        "number": "integer primary key", "sequence": "integer primary key autoincrement",
        "text?": "text", "int?": "integer", "bytes?": "blob", "time?": "text",
    },
    "postgresql": {
        "text": "text not null", "int": "int8 not null", "bytes": "bytea not null",
        "time": 'text collate "C" not null', "key": "text primary key",
        "one": "int4 primary key", "number": "int8 generated always as identity primary key",
        "sequence": "int8 generated always as identity primary key",
        "text?": "text", "int?": "int8", "bytes?": "bytea", "time?": 'text collate "C"',
    },
}  # fmt: skip
_PLAIN = {"int": "int8", "bytes": "bytea", "one": "int4"}


@dataclass(frozen=True)
class OwnTable:
    """One of our own tables.

    columns: `name kind`, with commas between them; the kinds are those above. What is a `number` or
        a `sequence` is given by the engine.
    rules: what else stands in the brackets of its statement.
    indexes: name, and what follows `on table`.
    uniques: the same of indexes that keep rows apart.
    order: the columns that it is read by when it moves to another database; empty if it does not
        move as it is.
    extra: a column that is there where transactions run side by side.
    """

    name: str
    columns: str
    rules: str = ""
    indexes: tuple[tuple[str, str], ...] = ()
    uniques: tuple[tuple[str, str], ...] = ()
    order: str = ""
    extra: str = ""

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The columns and their kinds."""
        columns = [column.split() for column in self.columns.split(",")]
        return {column[0]: column[1] for column in columns}

    @cached_property
    def plain(self) -> tuple[tuple[str, str], ...]:
        """The columns that move, each with the type of its plain form in PostgreSQL."""
        return tuple(
            (name, _PLAIN.get(kind.rstrip("?"), "text"))
            for name, kind in self.kinds.items()
            if kind not in ("number", "sequence")
        )

    @property
    def select(self) -> str:
        """Every row, in its order."""
        names = ",".join(name for name, _ in self.plain)
        return f"select {names} from {self.name} order by {self.order}"

    def create(self, dialect: Dialect) -> Iterator[str]:
        """The statements that make it where it is not there."""
        words = _KINDS[dialect.name]
        parts = [f"{name} {words[kind]}" for name, kind in self.kinds.items()]
        if self.extra and dialect.side_by_side:
            parts.insert(1, self.extra)
        parts += [self.rules] if self.rules else []
        made = f"create table if not exists {self.name} ({', '.join(parts)})"
        yield made + dialect.table_options
        for name, rest in self.indexes:
            yield f"create index if not exists {name} on {self.name} {rest}"
        for name, rest in self.uniques:
            yield f"create unique index if not exists {name} on {self.name} {rest}"


SCHEMA = OwnTable("_schema", "id one, fingerprint text, schema text, applied text", "check (id=1)")
CHANGES = OwnTable(
    "_changes",
    "seq sequence, tx text, collection text, key text, operation text, version int, actor text, "
    "request text, time time, before text?, after text?",
    # a record that is made again under the id of a deleted one goes on counting its versions: after
    # the logged delete, or after the greatest one of its collection that was trimmed
    indexes=(("_deleted", "(collection, key, version) where operation='delete'"),),
    order="seq",
    # says whether a reader's snapshot saw the row: commits do not end in the order of seq
    extra="xid int8 not null default (pg_current_xact_id()::text::int8)",
)
CHANGES_BY_TRANSACTION = "create index if not exists _changes_xid on _changes (xid, seq)"
READERS = OwnTable("_readers", "name key, position text, time text", order="name")
LOG = OwnTable("_log", "id one, trimmed int, counted int, bytes int", "check (id=1)", order="id")
LIMITS = OwnTable(
    # what was used of a limit in the time that ends then; no other database needs it
    "_limits",
    "key key, until int, used int",
    indexes=(("_limits_until", "(until)"),),
)
MOVED = (
    OwnTable(
        "_idempotency",
        "n number, caller text, route text, key text, sent text, status int, headers text, "
        "body bytes, time time",
        "unique (caller,route,key)",
        indexes=(("_idempotency_time", "(time)"),),
        order="n",
    ),
    OwnTable("_versions", "collection key, version int", order="collection"),
    OwnTable("_once", "name key, time text", order="name"),
    OwnTable(
        "_jobs",
        # due: when it may be taken, which for a running one is the end of its lease
        "id key, name text, queue text, arguments text, unique_key text?, state text, due time, "
        "tries int, lease text?, worker text?, lost_by text?, error text?, created time, "
        "ended time?",
        indexes=(
            ("_jobs_due", "(due) where ended is null"),
            ("_jobs_ended", "(ended) where ended is not null"),
        ),
        # the key in front: `name` alone must not lead anybody here
        uniques=(
            (
                "_jobs_unique",
                "(unique_key, name) where ended is null and unique_key is not null",
            ),
        ),
        order="id",
    ),
    # the last moment of each schedule that became a job
    OwnTable("_schedules", "name key, moment text", order="name"),
    OwnTable("_passwords", "user_id key, hash text, changed time", order="user_id"),
    OwnTable(
        "_sessions",
        "id key, token bytes, user_id text, method text, agent text, address text, "
        "created time, used time, proven time, idle_until time, ends time",
        "unique (token)",
        indexes=(("_sessions_user", "(user_id)"),),
        order="id",
    ),
    # what went out by mail and is good still; secret: of a code, which is good with its id alone
    OwnTable(
        "_codes",
        "id key, purpose text, user_id text, email text, data text, secret bytes, tries int, "
        "ends time",
        indexes=(
            ("_codes_ends", "(ends)"),
            ("_codes_user", "(user_id)"),
            ("_codes_email", "(email)"),
        ),
        order="id",
    ),
    OwnTable(
        "_api_keys",
        "id key, token bytes, user_id text, name text, scopes text, created time, used time?, "
        "ends time",
        "unique (token)",
        indexes=(("_api_keys_user", "(user_id)"),),
        order="id",
    ),
    # step: of the last code that was taken; key: the name of what opens the secret
    OwnTable(
        "_factors", "user_id key, key text, secret bytes, step int, created time", order="user_id"
    ),
    OwnTable(
        "_passkeys",
        "id key, credential bytes, user_id text, name text, public_key bytes, sign_count int, "
        "transports text, created time, used time?",
        "unique (credential)",
        indexes=(("_passkeys_user", "(user_id)"),),
        order="id",
    ),
    OwnTable(
        "_recovery",
        "user_id text, salt bytes, digest bytes",
        "primary key (user_id,digest)",
        order="user_id,digest",
    ),
    OwnTable(
        "_identities",
        "id key, issuer text, subject text, user_id text, provider text, email text?, "
        "created time, used time",
        "unique (issuer,subject)",
        indexes=(("_identities_user", "(user_id)"),),
        order="id",
    ),
    OwnTable(
        "_audit",
        "id key, time time, kind text, refused int, user_id text?, actor text, network text, "
        "request text, facts text",
        indexes=(
            ("_audit_time", "(time)"),
            ("_audit_refused", "(refused, id)"),
            ("_audit_user", "(user_id, id) where user_id is not null"),
        ),
        order="id",
    ),
)
"""Those that a copy takes along as they are."""
OAUTH_STATES = OwnTable(
    # who is on the way to a provider and back, for ten minutes
    "_oauth_states",
    "id key, provider text, nonce text, verifier text, goal text, user_id text, ends time",
    indexes=(("_oauth_states_ends", "(ends)"),),
)
ENDED = OwnTable(
    # which sessions ended in the last hour, for the processes that remember them
    "_ended",
    "n number, session_id text?, user_id text, time time",
    indexes=(("_ended_time", "(time)"),),
)
TICKETS = OwnTable(
    # what somebody is in the middle of; no other database needs it
    "_tickets",
    "id key, user_id text, purpose text, data bytes, ends time",
    indexes=(("_tickets_ends", "(ends)"), ("_tickets_user", "(user_id)")),
)
TRIMMED = (
    # the transactions that the log no longer holds, as long as a reader may have missed one
    "create table if not exists _trimmed (until int8 primary key, top int8 not null, "
    "xids int8[] not null)"
)
TURN = (
    # empty for ever: held transactions lock it, one after the other, where they keep meeting
    "create table if not exists _turn (nothing int4)"
)


def create_own_tables(dialect: Dialect) -> tuple[str, ...]:
    """The statements that make the tables which every database of ours has, but for `SCHEMA`, which
    says that it is one."""
    made = [
        statement
        for table in (CHANGES, READERS, LOG, LIMITS, *MOVED, OAUTH_STATES, ENDED, TICKETS)
        for statement in table.create(dialect)
    ]
    if dialect.side_by_side:
        made += [CHANGES_BY_TRANSACTION, TRIMMED, TURN]
    return tuple(made)
