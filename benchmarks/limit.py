"""The hand-written limit: an ASGI function that runs one prepared statement and does nothing else.

No rules, no validation, no middleware, no savepoints; creates share a commit with
`synchronous=FULL` and write a change row. It reads a copy of the same database file.
"""

import asyncio
import json
import os
import queue
import threading
import uuid
from urllib.parse import parse_qs

import apsw

PATH = os.environ["LIMIT_DATABASE"]
BODY = (
    """concat('{"id":"',r.id,'","title":',json_quote(r.title),',"note":',json_quote(r.note)"""
    """,',"price":',r.price,',"active":',case r.active when 1 then 'true' else 'false' end"""
    """,',"owner":"',r.owner,'","category":',%s,',"created":"',r.created"""
    """,'","updated":"',r.updated,'","version":',r.version,'}')"""
)
PLAIN = BODY % """'"',r.category,'"'"""
NESTED = BODY % (
    """(select concat('{"id":"',c.id,'","name":',json_quote(c.name),',"created":"',c.created"""
    """,'","updated":"',c.updated,'","version":',c.version,'}') """
    """from categories c where c.id=r.category)"""
)
ONE = f"select {PLAIN} from items r where r.id=?"
LIST = (
    "select {body},r.price,r.id from items r where r.price<? and r.active=1 "
    "order by r.price desc,r.id desc limit ?"
)
AFTER = (
    "select {body},r.price,r.id from items r where (r.price,r.id)<(?,?) and r.price<? "
    "and r.active=1 order by r.price desc,r.id desc limit ?"
)
INSERT = (
    "insert into items (id,title,note,price,active,owner,category,created,updated,version) "
    "values (?,?,?,?,?,?,?,?,?,1)"
)
CHANGE = (
    "insert into _changes (tx,collection,key,operation,version,actor,request,time,before,after) "
    "values (?,'items',?,'create',1,'limit','',?,null,?)"
)
MOMENT = "2026-01-01T00:00:00.000000Z"
JSON = [(b"content-type", b"application/json")]


def connect():
    connection = apsw.Connection(PATH)
    # as ours: else a bound LIMIT makes SQLite prepare every list anew
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for pragma in ("journal_mode=wal", "synchronous=full", "cache_size=-32768"):
        connection.execute(f"pragma {pragma}").fetchall()
    return connection


reader = None
jobs: queue.SimpleQueue = queue.SimpleQueue()


def write_forever():
    writer = connect()
    while True:
        batch = [jobs.get()]
        while not jobs.empty() and len(batch) < 256:
            batch.append(jobs.get())
        writer.execute("begin immediate")
        answers = []
        for values, future in batch:
            writer.execute(INSERT, values)
            body = writer.execute(ONE, (values[0],)).fetchone()[0]
            writer.execute(CHANGE, (values[0], values[0], MOMENT, body))
            answers.append((future, body))
        writer.execute("commit")
        loop.call_soon_threadsafe(resolve, answers)


def resolve(answers):
    for future, body in answers:
        future.set_result(body)


async def app(scope, receive, send):
    global reader, loop
    if scope["type"] != "http":
        return
    if reader is None:
        reader = connect()
        loop = asyncio.get_running_loop()
        threading.Thread(target=write_forever, daemon=True).start()
    path = scope["path"]
    status = 200
    if path.startswith("/api/items/"):
        body = reader.execute(ONE, (path[11:],)).fetchone()[0].encode()
    elif scope["method"] == "POST":
        given = json.loads((await receive())["body"])
        values = (
            str(uuid.uuid4()), given["title"], given["note"], given["price"], 1, given["owner"],
            given["category"], MOMENT, MOMENT,
        )  # fmt: skip
        future = loop.create_future()
        jobs.put((values, future))
        body, status = (await future).encode(), 201
    else:
        asked = parse_qs(scope["query_string"].decode())
        price, limit = int(asked["price"][0]), int(asked["limit"][0])
        shape = NESTED if "expand" in asked else PLAIN
        if "after" in asked:
            at, key = asked["after"][0].split("_")
            rows = reader.execute(
                AFTER.format(body=shape), (int(at), key, price, limit + 1)
            ).fetchall()
        else:
            rows = reader.execute(LIST.format(body=shape), (price, limit + 1)).fetchall()
        following = "null"
        if len(rows) > limit:
            rows.pop()
            following = f'"{rows[-1][1]}_{rows[-1][2]}"'
        body = ('{"items":[' + ",".join(r[0] for r in rows) + f'],"next":{following}}}').encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*JSON, (b"content-length", b"%d" % len(body))],
        }
    )
    await send({"type": "http.response.body", "body": body})
