-- table of users
create table "users" ("id" uuid not null,"email" text collate "C" not null constraint "email:max_length" check (length("email") <= 254),"verified" boolean not null,"admin" boolean not null,"disabled" boolean not null,"role" text collate "C" not null constraint "role:literal" check ("role" in ('member','chair')),"nick" text collate "C","created" timestamptz not null,"updated" timestamptz not null,"version" int8 not null constraint "version:range" check ("version" between -9007199254740991 and 9007199254740991),constraint "users.id.unique" unique ("id"))

create unique index "users.email.unique" on "users" ("email")

-- table of boards
create table "boards" ("id" uuid not null,"name" text collate "C" not null constraint "name:max_length" check (length("name") <= 40),"owner" uuid not null,"created" timestamptz not null,"updated" timestamptz not null,"version" int8 not null constraint "version:range" check ("version" between -9007199254740991 and 9007199254740991),constraint "boards.id.unique" unique ("id"))

create unique index "boards.name.unique" on "boards" ("name")

create index "boards.owner.index" on "boards" ("owner","id")

-- table of cards
create table "cards" ("id" uuid not null,"board" uuid not null,"after" uuid,"place" int8 not null constraint "place:ge" check ("place" >= 0) constraint "place:le" check ("place" <= 99) constraint "place:range" check ("place" between -9007199254740991 and 9007199254740991),"title" text collate "C" not null constraint "title:min_length" check (length("title") >= 1),"state" text collate "C" not null constraint "state:literal" check ("state" in ('open','done')),"points" numeric(1000,1) constraint "points:max_digits" check ("points" between -99999.9 and 99999.9),"weight" float8 not null,"due" date,"begun" timestamptz,"late" boolean not null,"words" json not null,"extra" json,"serial" int8 not null,"note" text collate "C","price" int8 constraint "price:range" check ("price" between -9007199254740991 and 9007199254740991),"secret" text collate "C","created" timestamptz not null,"updated" timestamptz not null,"version" int8 not null constraint "version:range" check ("version" between -9007199254740991 and 9007199254740991),_search tsvector not null default '',constraint "cards.id.unique" unique ("id"))

create index "cards.state.due.index" on "cards" ("state","due","id")

create index "cards.board.index" on "cards" ("board","id")

create index "cards.after.index" on "cards" ("after","id")

create index "cards._search" on "cards" using gin (_search)

-- update of users by user

-- stored
select r.version,r."id",r."email",r."verified",r."admin",r."disabled",r."role",r."nick",r."created",r."updated",r."version",case when r."id"=$1::uuid then 1 else 0 end,1,case when r."email"=r."email" then 1 else 0 end,'{"id":"'||r."id"::text||
  '","email":'||to_json(r."email")::text||
  ',"verified":'||r."verified"::text||
  ',"admin":'||r."admin"::text||
  ',"disabled":'||r."disabled"::text||
  ',"role":'||to_json(r."role")::text||
  ',"nick":'||coalesce(to_json(r."nick")::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "users" r
where r."id"=$2::uuid for no key update of r

-- changed
select r.version,case when r."id"=$1::uuid then 1 else 0 end,1,case when r."email"=o."email" then 1 else 0 end,'{"id":"'||r."id"::text||
  '","email":'||to_json(r."email")::text||
  ',"verified":'||r."verified"::text||
  ',"admin":'||r."admin"::text||
  ',"disabled":'||r."disabled"::text||
  ',"role":'||to_json(r."role")::text||(case when r."id"=$1::uuid then ',"nick":'||coalesce(to_json(r."nick")::text,'null') else '' end)||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}','{"id":"'||r."id"::text||
  '","email":'||to_json(r."email")::text||
  ',"verified":'||r."verified"::text||
  ',"admin":'||r."admin"::text||
  ',"disabled":'||r."disabled"::text||
  ',"role":'||to_json(r."role")::text||
  ',"nick":'||coalesce(to_json(r."nick")::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "users" r
cross join (
  select $2::uuid as "id",$3::text as "email"
) o
where r."id"=$4::uuid

-- candidate
select case when r."id"=$1::uuid then 1 else 0 end,1,case when r."email"=o."email" then 1 else 0 end
from (
  select $2::uuid as "id",$3::text as "email",$4::boolean as "verified",$5::boolean as "admin",$6::boolean as "disabled",$7::text as "role",$8::text as "nick",$9::timestamptz as "created",$10::timestamptz as "updated",$11::int8 as "version"
) r
cross join (
  select $12::uuid as "id",$13::text as "email"
) o

-- insert
insert into "users" ("id","email","verified","admin","disabled","role","nick","created","updated","version") values ($1::uuid,$2::text,$3::boolean,$4::boolean,$5::boolean,$6::text,$7::text,$8::timestamptz,$9::timestamptz,$10::int8)

-- delete
delete
from "users"
where "id"=$1::uuid

-- probe id
select 1
from "users"
where "id"=$1::uuid and "id"<>$1::uuid
limit 1

-- probe email
select 1
from "users"
where "email"=$1::text and "id"<>$2::uuid
limit 1

-- masked nick
select case when r."id"=$1::uuid then 1 else 0 end
from "users" r
where r."id"=$2::uuid

-- update email
update "users" set "email"=$1::text,version=version+1
where "id"=$2::uuid

-- update email, version
update "users" set "email"=$1::text,"version"=$2::int8
where "id"=$3::uuid

-- create of boards by user

-- stored
select r.version,r."id",r."name",r."owner",r."created",r."updated",r."version",case when r."owner"=$1::uuid then 1 else 0 end,1,'{"id":"'||r."id"::text||
  '","name":'||to_json(r."name")::text||
  ',"owner":"'||r."owner"::text||
  '","created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "boards" r
where r."id"=$2::uuid for no key update of r

-- changed
select r.version,case when r."owner"=$1::uuid then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end,'{"id":"'||r."id"::text||
  '","name":'||to_json(r."name")::text||
  ',"owner":"'||r."owner"::text||
  '","created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "boards" r
where r."id"=$2::uuid

-- candidate
select case when r."owner"=$1::uuid then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end
from (
  select $2::uuid as "id",$3::text as "name",$4::uuid as "owner",$5::timestamptz as "created",$6::timestamptz as "updated",$7::int8 as "version"
) r

-- insert
insert into "boards" ("id","name","owner","created","updated","version") values ($1::uuid,$2::text,$3::uuid,$4::timestamptz,$5::timestamptz,$6::int8)

-- delete
delete
from "boards"
where "id"=$1::uuid

-- probe id
select 1
from "boards"
where "id"=$1::uuid
limit 1

-- probe name
select 1
from "boards"
where "name"=$1::text
limit 1

-- update name
update "boards" set "name"=$1::text,version=version+1
where "id"=$2::uuid

-- update name, version
update "boards" set "name"=$1::text,"version"=$2::int8
where "id"=$3::uuid

-- delete of boards by user

-- stored
select r.version,r."id",r."name",r."owner",r."created",r."updated",r."version",case when r."owner"=$1::uuid then 1 else 0 end,1,'{"id":"'||r."id"::text||
  '","name":'||to_json(r."name")::text||
  ',"owner":"'||r."owner"::text||
  '","created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "boards" r
where r."id"=$2::uuid for no key update of r

-- changed
select r.version,case when r."owner"=$1::uuid then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end,'{"id":"'||r."id"::text||
  '","name":'||to_json(r."name")::text||
  ',"owner":"'||r."owner"::text||
  '","created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "boards" r
where r."id"=$2::uuid

-- candidate
select case when r."owner"=$1::uuid then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end
from (
  select $2::uuid as "id",$3::text as "name",$4::uuid as "owner",$5::timestamptz as "created",$6::timestamptz as "updated",$7::int8 as "version"
) r

-- insert
insert into "boards" ("id","name","owner","created","updated","version") values ($1::uuid,$2::text,$3::uuid,$4::timestamptz,$5::timestamptz,$6::int8)

-- delete
delete
from "boards"
where "id"=$1::uuid

-- probe id
select 1
from "boards"
where "id"=$1::uuid and "id"<>$1::uuid
limit 1

-- probe name
select 1
from "boards"
where "name"=$1::text and "id"<>$2::uuid
limit 1

-- update name
update "boards" set "name"=$1::text,version=version+1
where "id"=$2::uuid

-- update name, version
update "boards" set "name"=$1::text,"version"=$2::int8
where "id"=$3::uuid

-- create of cards by user

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$1::uuid)
) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and t2."owner"=$1::uuid)
)) then 1 else 0 end,1,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$3::uuid for no key update of r

-- changed
select r.version,case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$1::uuid)
) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and t2."owner"=$1::uuid)
)) then 1 else 0 end,1,case when r."board" is null or exists(
  select 1
  from "boards" t3
  where t3."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t4
  where (t4."id"=r."after" and (t4."state"=$2::text collate "C" or exists(
    select 1
    from "boards" t5
    where (t5."id"=t4."board" and t5."owner"=$1::uuid)
  )))
) then 1 else 0 end,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||'"'||(case when exists(
  select 1
  from "boards" t6
  where (t6."id"=r."board" and t6."owner"=$1::uuid)
) then ',"note":'||coalesce(to_json(r."note")::text,'null') else '' end)||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}','{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$3::uuid

-- candidate
select case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$1::uuid)
) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and t2."owner"=$1::uuid)
)) then 1 else 0 end,1,case when r."board" is null or exists(
  select 1
  from "boards" t3
  where t3."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t4
  where (t4."id"=r."after" and (t4."state"=$2::text collate "C" or exists(
    select 1
    from "boards" t5
    where (t5."id"=t4."board" and t5."owner"=$1::uuid)
  )))
) then 1 else 0 end
from (
  select $3::uuid as "id",$4::uuid as "board",$5::uuid as "after",$6::int8 as "place",$7::text as "title",$8::text as "state",$9::numeric as "points",$10::float8 as "weight",$11::date as "due",$12::timestamptz as "begun",$13::boolean as "late",$14::json as "words",$15::json as "extra",$16::int8 as "serial",$17::text as "note",$18::int8 as "price",$19::text as "secret",$20::timestamptz as "created",$21::timestamptz as "updated",$22::int8 as "version"
) r

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values ($1::uuid,$2::uuid,$3::uuid,$4::int8,$5::text,$6::text,$7::numeric,$8::float8,$9::date,$10::timestamptz,$11::boolean,$12::json,$13::json,$14::int8,$15::text,$16::int8,$17::text,$18::timestamptz,$19::timestamptz,$20::int8)

-- delete
delete
from "cards"
where "id"=$1::uuid

-- probe id
select 1
from "cards"
where "id"=$1::uuid
limit 1

-- update board
update "cards" set "board"=$1::uuid,version=version+1
where "id"=$2::uuid

-- update board, version
update "cards" set "board"=$1::uuid,"version"=$2::int8
where "id"=$3::uuid

-- update of cards by user

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$1::uuid)
) and r."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
  ))
)) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=$1::uuid)
)) then 1 else 0 end,case when r."state"=$3::text collate "C" then 1 else 0 end,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$4::uuid for no key update of r

-- changed
select r.version,case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=o."board" and t1."owner"=$1::uuid)
) and o."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
  ))
)) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=$1::uuid)
)) then 1 else 0 end,case when o."state"=$3::text collate "C" then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t5
  where t5."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t6
  where (t6."id"=r."after" and (t6."state"=$2::text collate "C" or exists(
    select 1
    from "boards" t7
    where (t7."id"=t6."board" and t7."owner"=$1::uuid)
  )))
) then 1 else 0 end,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||'"'||(case when exists(
  select 1
  from "boards" t8
  where (t8."id"=r."board" and t8."owner"=$1::uuid)
) then ',"note":'||coalesce(to_json(r."note")::text,'null') else '' end)||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}','{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
cross join (
  select $4::uuid as "id",$5::uuid as "board",$6::int8 as "place",$7::text as "state"
) o
where r."id"=$8::uuid

-- candidate
select case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=o."board" and t1."owner"=$1::uuid)
) and o."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
  ))
)) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=$1::uuid)
)) then 1 else 0 end,case when o."state"=$3::text collate "C" then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t5
  where t5."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t6
  where (t6."id"=r."after" and (t6."state"=$2::text collate "C" or exists(
    select 1
    from "boards" t7
    where (t7."id"=t6."board" and t7."owner"=$1::uuid)
  )))
) then 1 else 0 end
from (
  select $4::uuid as "id",$5::uuid as "board",$6::uuid as "after",$7::int8 as "place",$8::text as "title",$9::text as "state",$10::numeric as "points",$11::float8 as "weight",$12::date as "due",$13::timestamptz as "begun",$14::boolean as "late",$15::json as "words",$16::json as "extra",$17::int8 as "serial",$18::text as "note",$19::int8 as "price",$20::text as "secret",$21::timestamptz as "created",$22::timestamptz as "updated",$23::int8 as "version"
) r
cross join (
  select $24::uuid as "id",$25::uuid as "board",$26::int8 as "place",$27::text as "state"
) o

-- beforehand
select case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=o."board" and t1."owner"=$1::uuid)
) and o."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
  ))
)) then 1 else 0 end,case when (r."state"=$2::text collate "C" or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=$1::uuid)
)) then 1 else 0 end,case when o."state"=$3::text collate "C" then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t5
  where t5."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t6
  where (t6."id"=r."after" and (t6."state"=$2::text collate "C" or exists(
    select 1
    from "boards" t7
    where (t7."id"=t6."board" and t7."owner"=$1::uuid)
  )))
) then 1 else 0 end
from (
  select $4::uuid as "id",$5::uuid as "board",$6::uuid as "after",$7::int8 as "place",$8::text as "title",$9::text as "state",$10::numeric as "points",$11::float8 as "weight",$12::date as "due",$13::timestamptz as "begun",$14::boolean as "late",$15::json as "words",$16::json as "extra",$17::int8 as "serial",$18::text as "note",$19::int8 as "price",$20::text as "secret",$21::timestamptz as "created",$22::timestamptz as "updated",$23::int8 as "version"
) r
cross join (
  select $24::uuid as "id",$25::uuid as "board",$26::int8 as "place",$27::text as "state"
) o

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values ($1::uuid,$2::uuid,$3::uuid,$4::int8,$5::text,$6::text,$7::numeric,$8::float8,$9::date,$10::timestamptz,$11::boolean,$12::json,$13::json,$14::int8,$15::text,$16::int8,$17::text,$18::timestamptz,$19::timestamptz,$20::int8)

-- delete
delete
from "cards"
where "id"=$1::uuid

-- probe id
select 1
from "cards"
where "id"=$1::uuid and "id"<>$1::uuid
limit 1

-- masked note
select case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$1::uuid)
) then 1 else 0 end
from "cards" r
where r."id"=$2::uuid

-- update board
update "cards" set "board"=$1::uuid,version=version+1
where "id"=$2::uuid

-- update board, version
update "cards" set "board"=$1::uuid,"version"=$2::int8
where "id"=$3::uuid

-- matching
select r."id"
from "cards" r
where ((r."place"<$1::int8 and r."board" in (
  select t1."id"
  from "boards" t1
  where t1."owner"=$2::uuid
)) and (r."state"=$3::text collate "C" or r."board" in (
  select t2."id"
  from "boards" t2
  where t2."owner"=$2::uuid
)) and (r."board" in (
  select t3."id"
  from "boards" t3
  where t3."owner"=$2::uuid
) and r."place"<=r."place" and exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and exists(
    select 1
    from "cards" t5
    where t5."board"=t4."id" and t5."place"=r."place"
  ))
)))
order by r."id"
limit 10

-- children
select "id"
from "cards"
where "board"=$1::uuid
order by "id"
limit 10

-- kept by id
select '{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$1::uuid

-- kept by board
select '{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."board"=$1::uuid and cast(r."id" as text) not in (
  select key
  from _changes
  where xid>$2 and collection=$3
)

-- delete of cards by user

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",1,case when (r."state"=$1::text collate "C" or exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$2::uuid)
)) then 1 else 0 end,case when r."state"=$3::text collate "C" then 1 else 0 end,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$4::uuid for no key update of r

-- changed
select r.version,1,case when (r."state"=$1::text collate "C" or exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$2::uuid)
)) then 1 else 0 end,case when o."state"=$3::text collate "C" then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t2
  where t2."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t3
  where (t3."id"=r."after" and (t3."state"=$1::text collate "C" or exists(
    select 1
    from "boards" t4
    where (t4."id"=t3."board" and t4."owner"=$2::uuid)
  )))
) then 1 else 0 end,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||'"'||(case when exists(
  select 1
  from "boards" t5
  where (t5."id"=r."board" and t5."owner"=$2::uuid)
) then ',"note":'||coalesce(to_json(r."note")::text,'null') else '' end)||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}','{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
cross join (
  select $4::uuid as "id",$5::text as "state"
) o
where r."id"=$6::uuid

-- candidate
select 1,case when (r."state"=$1::text collate "C" or exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=$2::uuid)
)) then 1 else 0 end,case when o."state"=$3::text collate "C" then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t2
  where t2."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t3
  where (t3."id"=r."after" and (t3."state"=$1::text collate "C" or exists(
    select 1
    from "boards" t4
    where (t4."id"=t3."board" and t4."owner"=$2::uuid)
  )))
) then 1 else 0 end
from (
  select $4::uuid as "id",$5::uuid as "board",$6::uuid as "after",$7::int8 as "place",$8::text as "title",$9::text as "state",$10::numeric as "points",$11::float8 as "weight",$12::date as "due",$13::timestamptz as "begun",$14::boolean as "late",$15::json as "words",$16::json as "extra",$17::int8 as "serial",$18::text as "note",$19::int8 as "price",$20::text as "secret",$21::timestamptz as "created",$22::timestamptz as "updated",$23::int8 as "version"
) r
cross join (
  select $24::uuid as "id",$25::text as "state"
) o

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values ($1::uuid,$2::uuid,$3::uuid,$4::int8,$5::text,$6::text,$7::numeric,$8::float8,$9::date,$10::timestamptz,$11::boolean,$12::json,$13::json,$14::int8,$15::text,$16::int8,$17::text,$18::timestamptz,$19::timestamptz,$20::int8)

-- delete
delete
from "cards"
where "id"=$1::uuid

-- probe id
select 1
from "cards"
where "id"=$1::uuid and "id"<>$1::uuid
limit 1

-- update board
update "cards" set "board"=$1::uuid,version=version+1
where "id"=$2::uuid

-- update board, version
update "cards" set "board"=$1::uuid,"version"=$2::int8
where "id"=$3::uuid

-- update of cards by system

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",1,1,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$1::uuid for no key update of r

-- changed
select r.version,1,1,case when r."board" is null or exists(
  select 1
  from "boards" t1
  where t1."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t2
  where t2."id"=r."after"
) then 1 else 0 end,'{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"secret":'||coalesce(to_json(r."secret")::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}','{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$1::uuid

-- candidate
select 1,1,case when r."board" is null or exists(
  select 1
  from "boards" t1
  where t1."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t2
  where t2."id"=r."after"
) then 1 else 0 end
from (
  select $1::uuid as "id",$2::uuid as "board",$3::uuid as "after",$4::int8 as "place",$5::text as "title",$6::text as "state",$7::numeric as "points",$8::float8 as "weight",$9::date as "due",$10::timestamptz as "begun",$11::boolean as "late",$12::json as "words",$13::json as "extra",$14::int8 as "serial",$15::text as "note",$16::int8 as "price",$17::text as "secret",$18::timestamptz as "created",$19::timestamptz as "updated",$20::int8 as "version"
) r

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values ($1::uuid,$2::uuid,$3::uuid,$4::int8,$5::text,$6::text,$7::numeric,$8::float8,$9::date,$10::timestamptz,$11::boolean,$12::json,$13::json,$14::int8,$15::text,$16::int8,$17::text,$18::timestamptz,$19::timestamptz,$20::int8)

-- delete
delete
from "cards"
where "id"=$1::uuid

-- probe id
select 1
from "cards"
where "id"=$1::uuid and "id"<>$1::uuid
limit 1

-- update board
update "cards" set "board"=$1::uuid,version=version+1
where "id"=$2::uuid

-- update board, version
update "cards" set "board"=$1::uuid,"version"=$2::int8
where "id"=$3::uuid

-- assign title, place, points; computed place, points
update "cards" set "title"=$1::text,"updated"=$2::timestamptz,"place"=("cards"."place"::numeric+$3::int8::numeric),"points"=("cards"."points"::numeric-$4::numeric::numeric),version=version+1
where 1=0

-- computable title, place, points; computed place, points
select 0,case when ((r."place"::numeric+$1::int8::numeric)) between -9223372036854775808 and 9223372036854775807 then 1 else 0 end,case when ((r."points"::numeric-$2::numeric::numeric)*10) between -9223372036854775808 and 9223372036854775807 then 1 else 0 end
from "cards" r
where r."id"=$3::uuid

-- matching
select r."id"
from "cards" r
where 1=0
order by r."id"
limit 10

-- children
select "id"
from "cards"
where "board"=$1::uuid
order by "id"
limit 10

-- kept by id
select '{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."id"=$1::uuid

-- kept by board
select '{"id":"'||r."id"::text||
  '","board":"'||r."board"::text||
  '","after":'||coalesce('"'||r."after"::text||'"','null')||
  ',"place":'||r."place"::text||
  ',"title":'||to_json(r."title")::text||
  ',"state":'||to_json(r."state")::text||
  ',"points":'||coalesce('"'||r."points"::text||'"','null')||
  ',"weight":'||to_json(r."weight")::text||
  ',"due":'||coalesce('"'||to_char(r."due",'YYYY-MM-DD')||'"','null')||
  ',"begun":'||coalesce('"'||to_char(r."begun" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"late":'||r."late"::text||
  ',"words":'||r."words"::text||
  ',"extra":'||coalesce(r."extra"::text,'null')||
  ',"serial":"'||r."serial"::text||
  '","note":'||coalesce(to_json(r."note")::text,'null')||
  ',"price":'||coalesce(r."price"::text,'null')||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}'
from "cards" r
where r."board"=$1::uuid and cast(r."id" as text) not in (
  select key
  from _changes
  where xid>$2 and collection=$3
)
