"""The hand-written limit on PostgreSQL: one statement for each request, and nothing else.

As `limit.py`, on asyncpg: no rules, no validation, no middleware; a create writes its change row in
the same statement and is answered when that is committed. It asks a copy of the same tables.
"""

import asyncio
import json
import os
import uuid
from urllib.parse import parse_qs

import asyncpg

URL = os.environ["LIMIT_DATABASE"]
CONNECTIONS = 10
TIME = """to_char(%s at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
BODY = (
    """'{"id":"'||r.id::text||'","title":'||to_json(r.title)::text||',"note":'"""
    """||to_json(r.note)::text||',"price":'||r.price::text||',"active":'||r.active::text"""
    """||',"owner":"'||r.owner::text||'","category":'||{category}||',"created":"'||"""
    + TIME % "r.created"
    + """||'","updated":"'||"""
    + TIME % "r.updated"
    + """||'","version":'||r.version::text||'}'"""
)
PLAIN = BODY.replace("{category}", """'"'||r.category::text||'"'""")
NESTED = BODY.replace(
    "{category}",
    """(select '{"id":"'||c.id::text||'","name":'||to_json(c.name)::text||',"created":"'||"""
    + TIME % "c.created"
    + """||'","updated":"'||"""
    + TIME % "c.updated"
    + """||'","version":'||c.version::text||'}' from categories c where c.id=r.category)""",
)
ONE = f"select {PLAIN} from items r where r.id=$1"
LIST = (
    "select BODY,r.price,r.id::text from items r where r.price<$1 and r.active "
    "order by r.price desc,r.id desc limit $2"
)
AFTER = (
    "select BODY,r.price,r.id::text from items r where r.price<=$1 and (r.price,r.id)<($1,$2) "
    "and r.price<$3 and r.active order by r.price desc,r.id desc limit $4"
)
INSERT = (
    "with r as (insert into items "
    "(id,title,note,price,active,owner,category,created,updated,version) "
    "values ($1,$2,$3,$4,true,$5,$6,now(),now(),1) returning *), "
    f"body as (select r.id::text as key,{PLAIN} as text from r), "
    "change as (insert into _changes "
    "(tx,collection,key,operation,version,actor,request,time,before,after) "
    "select key,'items',key,'create',1,'limit','','',null,text from body) "
    "select text from body"
)
JSON = [(b"content-type", b"application/json")]

free: asyncio.LifoQueue = asyncio.LifoQueue()
opening: asyncio.Task | None = None


async def connect():
    """Connections that are handed round; a pool of the driver would ask a reset each time."""
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncpg.connect(URL))


async def fetch(text, *params):
    global opening
    if opening is None:
        opening = asyncio.ensure_future(connect())
    await opening
    connection = await free.get()
    try:
        return await connection.fetch(text, *params)
    finally:
        free.put_nowait(connection)


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    path = scope["path"]
    status = 200
    if path.startswith("/api/items/"):
        body = (await fetch(ONE, path[11:]))[0][0].encode()
    elif scope["method"] == "POST":
        given = json.loads((await receive())["body"])
        rows = await fetch(
            INSERT, uuid.uuid4(), given["title"], given["note"], given["price"], given["owner"],
            given["category"],
        )  # fmt: skip
        body, status = rows[0][0].encode(), 201
    else:
        asked = parse_qs(scope["query_string"].decode())
        price, limit = int(asked["price"][0]), int(asked["limit"][0])
        shape = NESTED if "expand" in asked else PLAIN
        if "after" in asked:
            at, key = asked["after"][0].split("_")
            rows = await fetch(AFTER.replace("BODY", shape), int(at), key, price, limit + 1)
        else:
            rows = await fetch(LIST.replace("BODY", shape), price, limit + 1)
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
