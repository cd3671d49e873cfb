"""`stanchion copy`: what is there before is there afterwards, on either engine, byte for byte.

A copy that ends early, goes wrong or is not asked for rightly leaves nothing that could be served.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest
from click.testing import CliRunner

from stanchion.cli import stanchion
from stanchion.cli.console import CommandFailed
from tests.cli.processes import COMMAND, environment
from tests.postgres import Postgres

from .conftest import Fresh
from .shop import ask, fill, fill_quickly, serving, thing

PATIENCE_S = 180.0
PAIRS = [(a, b) for a in ("sqlite", "postgresql") for b in ("sqlite", "postgresql")]
MANY = 12_000
"""Rows: three pieces."""


class Told(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def copy(source: str, target: str) -> Told:
    """The command, in this process, which is quicker; those that are killed have one of their
    own."""
    done = CliRunner().invoke(stanchion, ["copy", source, target])
    failed = done.exception
    if isinstance(failed, CommandFailed):
        return Told(failed.exit_code, done.stdout, failed.text)
    assert failed is None, done.exc_info
    return Told(done.exit_code, done.stdout, done.stderr)


def copied(source: str, target: str) -> str:
    """What a copy says that must succeed."""
    done = copy(source, target)
    assert (done.code, done.err) == (0, ""), done
    return done.out


def checksums(said: str) -> dict[str, tuple[int, str]]:
    """Rows and checksum by collection."""
    found = re.findall(r"^(\w[\w ]*?) +([\d,]+)  ([0-9a-f]{32})$", said, re.MULTILINE)
    return {name: (int(rows.replace(",", "")), text) for name, rows, text in found}


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def answers(url: str) -> list[bytes]:
    """What the app answers on a database."""
    with serving(url) as http:
        return ask(http)


def fill_with_many(source: str) -> None:
    """Make a file of several pieces."""
    with serving(source):
        pass
    fill_quickly(file_of(source), MANY)


# what is there afterwards


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_every_value_answers_as_before(
    first: str, second: str, fresh: Fresh, tmp_path: Path
) -> None:
    source, target, back = fresh(first), fresh(second), fresh(first)
    with serving(source) as http:
        gone = fill(http)
        key = {"idempotency-key": "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"}
        once = http.post("/api/makers", {"name": "once"}, headers=key)
        before = ask(http)
    there = checksums(copied(source, target))
    with serving(target) as http:
        assert ask(http) == before
        assert http.get("/api/things?sort=id&limit=100").json()["items"][0]["version"] > 0
    assert checksums(copied(target, back)) == there
    assert {name: rows for name, (rows, _) in there.items()} == {
        "makers": 5, "things": 20, "the change log": 39
    }  # fmt: skip
    versions = []
    for url in (source, target, back):
        with serving(url) as http:
            assert ask(http) == before
            # a write that is sent again has one effect, in the copy too
            again = http.post("/api/makers", {"name": "once"}, headers=key)
            assert (again.status, again.body) == (once.status, once.body)
            # so have uniqueness, references, rules of deletion, and versions that count on
            assert http.post("/api/makers", {"name": "once"}).status == 409
            stray = {"text": "x", "maker": "018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f"}
            assert http.post("/api/things", stray).status == 409
            assert http.delete(f"/api/makers/{once.json()['id']}").status == 204
            made = http.put(f"/api/things/{gone[1]}", {"text": "made again"})
            assert made.status == 201
            versions.append(made.json()["version"])
    assert min(versions) > 1, "it counts on after the delete"
    assert len(set(versions)) == 1


def test_a_copy_has_the_tables_that_the_app_would_make(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    made, source, there, back = (fresh(e) for e in ("postgresql", "sqlite", "postgresql", "sqlite"))
    for url in (made, source):
        with serving(url):
            pass
    copied(source, there)
    copied(there, back)
    listed = (
        "select relname,relkind,coalesce(pg_get_indexdef(i.indexrelid),'') from pg_class c left "
        "join pg_index i on i.indexrelid=c.oid where relnamespace='public'::regnamespace "
        "union all select conrelid::regclass::text,contype,pg_get_constraintdef(oid) "
        "from pg_constraint where connamespace='public'::regnamespace order by 1,2,3"
    )
    told = [postgres.sql(listed, url.rpartition("/")[2]) for url in (made, there)]
    assert told[0] == told[1]
    schemas = []
    for url in (source, back):
        found = apsw.Connection(str(file_of(url))).execute("select name,sql from sqlite_schema")
        schemas.append(sorted(found.fetchall()))
    assert schemas[0] == schemas[1]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_writes_made_meanwhile_are_not_copied_and_are_told(
    engine: str, fresh: Fresh, tmp_path: Path
) -> None:
    import asyncio

    from stanchion.copying import Copying, CopyReport, CopyStep
    from stanchion.engines.opening import open_source, open_target
    from stanchion.settings import DatabaseURL

    source, target = fresh(engine), fresh("sqlite")
    with serving(source) as http:
        fill(http)
        before = ask(http)

        async def run() -> CopyReport:
            def write(step: CopyStep) -> None:
                if (step.doing, step.table, step.done) == ("copy", "makers", 0):
                    assert http.post("/api/makers", {"name": "meanwhile"}).status == 201

            reading = await open_source(DatabaseURL.parse(source, base=tmp_path))
            writing = await open_target(DatabaseURL.parse(target, base=tmp_path))
            try:
                return await Copying(reading, writing, write).run()
            finally:
                await writing.close()
                await reading.close()

        assert asyncio.run(run()).later == 1
        assert ask(http) != before
    assert answers(target) == before


# a copy that ends early


def _heed_interrupts() -> None:
    """What a shell runs in the background is deaf to them, and so are its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begun(source: str, target: str, cwd: Path, pieces: Callable[[], int]) -> subprocess.Popen[str]:
    """A copy that has done a piece, and is stopped in the middle of the next."""
    process = subprocess.Popen(
        [*COMMAND, "copy", source, target], cwd=cwd, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_heed_interrupts,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while not pieces():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    return process


def kill_amid(source: str, target: str, cwd: Path, pieces: Callable[[], int]) -> None:
    """A copy that is killed in the middle of a piece."""
    process = begun(source, target, cwd, pieces)
    process.kill()
    process.communicate(timeout=PATIENCE_S)


def has_grown(log: Path) -> bool:
    """Whether the log of a file that is filled holds a piece."""
    return log.exists() and log.stat().st_size > 200_000


def pieces_of(postgres: Postgres, target: str) -> Callable[[], int]:
    """How many pieces a target has noted."""
    name = target.rpartition("/")[2]

    def look() -> int:
        if postgres.sql("select to_regclass('_copied') is not null", name) != "t":
            return 0
        return int(postgres.sql("select count(*) from _copied", name))

    return look


def test_killed_in_the_middle_it_goes_on_and_ends_as_the_source_is_then(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, target = fresh("sqlite"), fresh("postgresql")
    fill_with_many(source)
    kill_amid(source, target, tmp_path, pieces_of(postgres, target))
    name = target.rpartition("/")[2]
    kept = "select count(distinct xmin::text) || ' ' || count(*) from things where number<5000"
    first = postgres.sql("select xmin from things where number=1", name)
    assert 0 < int(postgres.sql("select count(*) from things", name)) < MANY
    # nobody serves what is not complete
    with pytest.raises(Exception, match="unfinished copy"), serving(target):
        pass
    copied(source, target)
    assert postgres.sql("select xmin from things where number=1", name) == first, "kept"
    assert postgres.sql(kept, name) == "1 5000"
    assert answers(target) == answers(source)


def test_what_changed_between_two_tries_is_copied_anew(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, target = fresh("sqlite"), fresh("postgresql")
    fill_with_many(source)
    kill_amid(source, target, tmp_path, lambda: pieces_of(postgres, target)() >= 2)
    name = target.rpartition("/")[2]
    second = postgres.sql("select xmin from things where number=6000", name)
    with serving(source) as http:
        url = "/api/things/018f3c2e-7a4b-7c1d-9e2f-"
        assert http.patch(f"{url}000000000001", {"text": "changed"}).status == 200
        assert http.delete(f"{url}000000000002").status == 204
        assert http.put(f"{url[:-5]}0000-000000000009", {"text": "new"}).status == 201
        before = ask(http)
    said = copied(source, target)
    assert "going on with an earlier copy" in said
    assert checksums(said)["things"][0] == MANY
    assert postgres.sql("select xmin from things where number=6000", name) == second, "kept"
    assert answers(target) == before


@pytest.mark.parametrize("target_engine", ["sqlite", "postgresql"])
def test_interrupted_it_says_how_to_go_on_and_does(
    target_engine: str, fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, target = fresh("sqlite"), fresh(target_engine)
    fill_with_many(source)
    pieces = pieces_of(postgres, target)
    if target_engine == "sqlite":
        pieces = partial(has_grown, Path(f"{file_of(target)}-wal"))
    process = begun(source, target, tmp_path, pieces)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, out + err
    assert err.startswith("error[copy.interrupted]: the copy is not complete\n")
    again = re.search(r"hint: to go on where it ended: stanchion (.*)", err)
    assert again is not None
    done = subprocess.run(
        [*COMMAND, *again[1].split()], cwd=tmp_path, env=environment(), text=True,
        capture_output=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "going on with an earlier copy" in done.stdout
    assert answers(target) == answers(source)


def test_a_target_that_changed_under_the_copy_is_found_and_mended(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, target = fresh("sqlite"), fresh("postgresql")
    fill_with_many(source)
    kill_amid(source, target, tmp_path, pieces_of(postgres, target))
    name = target.rpartition("/")[2]
    postgres.sql("update things set price=price+0.01 where number=17", name)
    done = copy(source, target)
    assert done.code == 1
    assert "error[copy.differs]" in done.err
    assert f"things ({MANY:,} of {MANY:,} rows" in done.err
    copied(source, target)


def test_a_value_that_the_target_alters_is_found(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    """A fault of the target itself: a trigger that stores something else."""
    source, target = fresh("sqlite"), fresh("postgresql")
    with serving(source) as http:
        fill(http)
    name = target.rpartition("/")[2]
    postgres.sql(
        "create function alter_it() returns trigger language plpgsql as $$ begin "
        "if new.number=10::int8*10000000000000 then new.text='another'; end if; "
        "return new; end $$; "
        "create function plant() returns event_trigger language plpgsql as $$ begin "
        "if to_regclass('things') is not null then create or replace trigger planted before insert "
        "on things for each row execute function alter_it(); end if; end $$; "
        "create event trigger planted on ddl_command_end when tag in ('CREATE TABLE') "
        "execute function plant()",
        name,
    )
    done = copy(source, target)
    assert done.code == 1, done.out
    assert "error[copy.differs]: what the target holds differs from the source: things" in (
        done.err
    )
    with pytest.raises(Exception, match="unfinished copy"), serving(target):
        pass


# what is refused


def test_a_target_with_anything_in_it_is_refused_and_left_alone(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, other = fresh("sqlite"), fresh("sqlite")
    foreign = fresh("postgresql")
    for url in (source, other):
        with serving(url) as http:
            fill(http, 2)
            before = ask(http)
    postgres.sql("create table theirs (x int)", foreign.rpartition("/")[2])
    for target in (other, foreign):
        done = copy(source, target)
        assert done.code == 2
        assert "error[copy.not_empty]: the target is not empty" in done.err
        assert "hint: name a file that is not there yet, or a database that was just created" in (
            done.err
        )
    assert postgres.sql("select count(*) from pg_tables where schemaname='public'",
                        foreign.rpartition("/")[2]) == "1"  # fmt: skip
    assert answers(other) == before


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("sqlite:///a.db", "sqlite:///./a.db", "error[copy.same]"),
        ("sqlite:///a.db", "b.db", "hint: a file is named sqlite:///b.db"),
        ("mysql://a/b", "sqlite:///b.db", "error[copy.address]: SOURCE: 'mysql'"),
        ("sqlite:///gone.db", "sqlite:///b.db", "error[database.missing]"),
        ("sqlite:///theirs.db", "sqlite:///b.db", "error[copy.not_ours]"),
        ("sqlite:///text.db", "sqlite:///b.db", "error[database.not_a_database]"),
        ("postgresql://u:secret@127.0.0.1:1/x", "sqlite:///b.db", "error[database.refused]"),
        ("sqlite:///a.db", "postgresql://u:secret@127.0.0.1:1/x", "error[database.refused]"),
    ],
)  # fmt: skip
def test_what_cannot_be_copied_is_said(
    source: str, target: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(f"sqlite:///{tmp_path}/a.db"):
        pass
    theirs = apsw.Connection(str(tmp_path / "theirs.db"))
    theirs.execute("pragma journal_mode=wal; create table theirs (x)").fetchall()
    theirs.close()
    (tmp_path / "text.db").write_text("no database, but a text of some length" * 100)
    done = copy(source, target)
    assert done.code == 2
    assert said in done.err
    assert "secret" not in done.err + done.out
    assert not (tmp_path / "b.db").exists()


def test_two_copies_at_once_are_one_too_many(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, target = fresh("sqlite"), fresh("postgresql")
    fill_with_many(source)
    process = begun(source, target, tmp_path, pieces_of(postgres, target))
    process.send_signal(signal.SIGSTOP)
    try:
        done = copy(source, target)
    finally:
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert done.code == 2
    assert "error[database.locked]" in done.err
    assert process.returncode == 0, out + err


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("update _schema set fingerprint='0123456789abcdef'", "error[copy.schema]"),
        ("update _schema set schema=replace(schema,'max_length','max_size')", "error[copy.schema]"),
        ("update things set maker='018f3c2e-7a4b-7c1d-9e2f-3a4b5c6d7e8f' where number=1e13",
         "error[copy.references]: 1 of the references of things lead nowhere"),
        ("create table _copy (id integer)", "error[copy.unfinished]"),
    ],
)  # fmt: skip
def test_a_source_that_is_not_whole_is_refused(fault: str, said: str, fresh: Fresh) -> None:
    source, target = fresh("sqlite"), fresh("sqlite")
    with serving(source) as http:
        fill(http, 3)
    database = apsw.Connection(str(file_of(source)))
    database.execute(fault)
    database.close()
    assert said in copy(source, target).err


def test_a_schema_that_changed_between_two_tries_begins_anew(
    fresh: Fresh, postgres: Postgres, tmp_path: Path
) -> None:
    source, target = fresh("sqlite"), fresh("postgresql")
    fill_with_many(source)
    kill_amid(source, target, tmp_path, pieces_of(postgres, target))
    postgres.sql("update _copy set fingerprint='another'", target.rpartition("/")[2])
    done = copy(source, target)
    assert (done.code, done.err.partition(":")[0]) == (2, "error[copy.other]")


def test_on_a_terminal_a_bar_shows_how_far_it_is(fresh: Fresh, tmp_path: Path) -> None:
    source, target = fresh("sqlite"), fresh("sqlite")
    with serving(source):
        pass
    fill_quickly(file_of(source), 100)
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(
            [*COMMAND, "copy", source, target], cwd=tmp_path, env=environment(TERM="xterm"),
            stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # which is how a terminal ends
            while part := screen.read(1 << 16):
                shown += part
        assert process.wait(PATIENCE_S) == 0
    bars = re.findall(r"(copying|checking) +things +\[(#+)\] +100/100", shown.decode())
    assert [doing for doing, _ in bars] == ["copying", "checking"], shown.decode()


# memory


@pytest.mark.parametrize("target_engine", ["sqlite", "postgresql"])
def test_memory_does_not_grow_with_the_rows(
    target_engine: str, fresh: Fresh, tmp_path: Path
) -> None:
    peaks = []
    for number in (MANY, 3 * MANY):
        source, target = fresh("sqlite"), fresh(target_engine)
        with serving(source):
            pass
        fill_quickly(file_of(source), number, document=f'{{"a":"{"word " * 200}"}}')
        peaks.append(peak_of(source, target, tmp_path))
    # what is added to the second has 24 MB
    assert peaks[1] - peaks[0] < 8_000, f"{peaks} kB"


def peak_of(source: str, target: str, cwd: Path) -> int:
    """The most memory that a copy had, in kB."""
    process = subprocess.Popen(
        [*COMMAND, "copy", source, target], cwd=cwd, env=environment(),
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss


def test_a_value_of_every_type_is_among_those_that_are_copied() -> None:
    from stanchion import types

    from .shop import app

    schema = app.runtime.model.schema
    here = {type(field.type).__name__ for field in schema.collection["things"].fields}
    assert here == {n for n in types.__all__ if n.endswith("Type")} - {"FieldType"}
    body = thing(1, ["x"])
    fields = {field.name for field in schema.collection["things"].fields if not field.system}
    assert fields - {"id"} == set(body), "say in `thing` what a new field holds"
