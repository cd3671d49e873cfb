-- table of users
create table "users" (_n integer primary key,"id" TEXT not null,"email" TEXT not null constraint "email:max_length" check (length("email") <= 254),"verified" INTEGER not null constraint "verified:bool" check ("verified" in (0,1)),"admin" INTEGER not null constraint "admin:bool" check ("admin" in (0,1)),"disabled" INTEGER not null constraint "disabled:bool" check ("disabled" in (0,1)),"role" TEXT not null constraint "role:literal" check ("role" in ('member','chair')),"nick" TEXT,"created" TEXT not null,"updated" TEXT not null,"version" INTEGER not null constraint "version:range" check ("version" between -9007199254740991 and 9007199254740991),unique ("id")) strict

create unique index "users.email.unique" on "users" ("email")

-- table of boards
create table "boards" (_n integer primary key,"id" TEXT not null,"name" TEXT not null constraint "name:max_length" check (length("name") <= 40),"owner" TEXT not null,"created" TEXT not null,"updated" TEXT not null,"version" INTEGER not null constraint "version:range" check ("version" between -9007199254740991 and 9007199254740991),unique ("id"),foreign key ("owner") references "users" ("id") deferrable initially deferred) strict

create unique index "boards.name.unique" on "boards" ("name")

create index "boards.owner.index" on "boards" ("owner","id")

-- table of cards
create table "cards" (_n integer primary key,"id" TEXT not null,"board" TEXT not null,"after" TEXT,"place" INTEGER not null constraint "place:ge" check ("place" >= 0) constraint "place:le" check ("place" <= 99) constraint "place:range" check ("place" between -9007199254740991 and 9007199254740991),"title" TEXT not null constraint "title:min_length" check (length("title") >= 1),"state" TEXT not null constraint "state:literal" check ("state" in ('open','done')),"points" INTEGER constraint "points:max_digits" check ("points" between -999999 and 999999),"weight" REAL not null,"due" TEXT,"begun" TEXT,"late" INTEGER not null constraint "late:bool" check ("late" in (0,1)),"words" TEXT not null,"extra" TEXT,"serial" INTEGER not null,"note" TEXT,"price" INTEGER constraint "price:range" check ("price" between -9007199254740991 and 9007199254740991),"secret" TEXT,"created" TEXT not null,"updated" TEXT not null,"version" INTEGER not null constraint "version:range" check ("version" between -9007199254740991 and 9007199254740991),unique ("id"),foreign key ("board") references "boards" ("id") deferrable initially deferred,foreign key ("after") references "cards" ("id") deferrable initially deferred) strict

create index "cards.state.due.index" on "cards" ("state","due","id")

create index "cards.board.index" on "cards" ("board","id")

create index "cards.after.index" on "cards" ("after","id")

create virtual table "_cards_search" using fts5("title",content='',contentless_delete=1,tokenize='ascii')

-- update of users by user

-- stored
select r.version,r."id",r."email",r."verified",r."admin",r."disabled",r."role",r."nick",r."created",r."updated",r."version",case when r."id"=?1 then 1 else 0 end,1,case when r."email"=r."email" then 1 else 0 end,concat('{"id":"',r."id",
  '","email":',json_quote(r."email"),
  ',"verified":',case r."verified" when 1 then 'true' when 0 then 'false' end,
  ',"admin":',case r."admin" when 1 then 'true' when 0 then 'false' end,
  ',"disabled":',case r."disabled" when 1 then 'true' when 0 then 'false' end,
  ',"role":',json_quote(r."role"),
  ',"nick":',coalesce(json_quote(r."nick"),'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "users" r
where r."id"=?2

-- changed
select r.version,case when r."id"=?1 then 1 else 0 end,1,case when r."email"=o."email" then 1 else 0 end,concat('{"id":"',r."id",
  '","email":',json_quote(r."email"),
  ',"verified":',case r."verified" when 1 then 'true' when 0 then 'false' end,
  ',"admin":',case r."admin" when 1 then 'true' when 0 then 'false' end,
  ',"disabled":',case r."disabled" when 1 then 'true' when 0 then 'false' end,
  ',"role":',json_quote(r."role"),(case when r."id"=?1 then concat(',"nick":',coalesce(json_quote(r."nick"),'null')) else '' end),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}'),concat('{"id":"',r."id",
  '","email":',json_quote(r."email"),
  ',"verified":',case r."verified" when 1 then 'true' when 0 then 'false' end,
  ',"admin":',case r."admin" when 1 then 'true' when 0 then 'false' end,
  ',"disabled":',case r."disabled" when 1 then 'true' when 0 then 'false' end,
  ',"role":',json_quote(r."role"),
  ',"nick":',coalesce(json_quote(r."nick"),'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "users" r
cross join (
  select ?2 as "id",?3 as "email"
) o
where r."id"=?4

-- candidate
select case when r."id"=?1 then 1 else 0 end,1,case when r."email"=o."email" then 1 else 0 end
from (
  select ?2 as "id",?3 as "email",?4 as "verified",?5 as "admin",?6 as "disabled",?7 as "role",?8 as "nick",?9 as "created",?10 as "updated",?11 as "version"
) r
cross join (
  select ?12 as "id",?13 as "email"
) o

-- insert
insert into "users" ("id","email","verified","admin","disabled","role","nick","created","updated","version") values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)

-- delete
delete
from "users"
where "id"=?1

-- probe id
select 1
from "users"
where "id"=?1 and "id"<>?1
limit 1

-- probe email
select 1
from "users"
where "email"=?1 and "id"<>?2
limit 1

-- masked nick
select case when r."id"=?1 then 1 else 0 end
from "users" r
where r."id"=?2

-- update email
update "users" set "email"=?1,version=version+1
where "id"=?2

-- update email, version
update "users" set "email"=?1,"version"=?2
where "id"=?3

-- create of boards by user

-- stored
select r.version,r."id",r."name",r."owner",r."created",r."updated",r."version",case when r."owner"=?1 then 1 else 0 end,1,concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),
  ',"owner":"',r."owner",
  '","created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "boards" r
where r."id"=?2

-- changed
select r.version,case when r."owner"=?1 then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end,concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),
  ',"owner":"',r."owner",
  '","created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "boards" r
where r."id"=?2

-- candidate
select case when r."owner"=?1 then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end
from (
  select ?2 as "id",?3 as "name",?4 as "owner",?5 as "created",?6 as "updated",?7 as "version"
) r

-- insert
insert into "boards" ("id","name","owner","created","updated","version") values (?1,?2,?3,?4,?5,?6)

-- delete
delete
from "boards"
where "id"=?1

-- probe id
select 1
from "boards"
where "id"=?1
limit 1

-- probe name
select 1
from "boards"
where "name"=?1
limit 1

-- update name
update "boards" set "name"=?1,version=version+1
where "id"=?2

-- update name, version
update "boards" set "name"=?1,"version"=?2
where "id"=?3

-- delete of boards by user

-- stored
select r.version,r."id",r."name",r."owner",r."created",r."updated",r."version",case when r."owner"=?1 then 1 else 0 end,1,concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),
  ',"owner":"',r."owner",
  '","created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "boards" r
where r."id"=?2

-- changed
select r.version,case when r."owner"=?1 then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end,concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),
  ',"owner":"',r."owner",
  '","created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "boards" r
where r."id"=?2

-- candidate
select case when r."owner"=?1 then 1 else 0 end,1,case when r."owner" is null or exists(
  select 1
  from "users" t1
  where t1."id"=r."owner"
) then 1 else 0 end
from (
  select ?2 as "id",?3 as "name",?4 as "owner",?5 as "created",?6 as "updated",?7 as "version"
) r

-- insert
insert into "boards" ("id","name","owner","created","updated","version") values (?1,?2,?3,?4,?5,?6)

-- delete
delete
from "boards"
where "id"=?1

-- probe id
select 1
from "boards"
where "id"=?1 and "id"<>?1
limit 1

-- probe name
select 1
from "boards"
where "name"=?1 and "id"<>?2
limit 1

-- update name
update "boards" set "name"=?1,version=version+1
where "id"=?2

-- update name, version
update "boards" set "name"=?1,"version"=?2
where "id"=?3

-- create of cards by user

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?1)
  limit 1
) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and t2."owner"=?1)
  limit 1
)) then 1 else 0 end,1,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?3

-- changed
select r.version,case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?1)
  limit 1
) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and t2."owner"=?1)
  limit 1
)) then 1 else 0 end,1,case when r."board" is null or exists(
  select 1
  from "boards" t3
  where t3."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t4
  where (t4."id"=r."after" and (t4."state"=?2 or exists(
    select 1
    from "boards" t5
    where (t5."id"=t4."board" and t5."owner"=?1)
    limit 1
  )))
) then 1 else 0 end,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",'"',(case when exists(
  select 1
  from "boards" t6
  where (t6."id"=r."board" and t6."owner"=?1)
  limit 1
) then concat(',"note":',coalesce(json_quote(r."note"),'null')) else '' end),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}'),concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?3

-- candidate
select case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?1)
  limit 1
) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and t2."owner"=?1)
  limit 1
)) then 1 else 0 end,1,case when r."board" is null or exists(
  select 1
  from "boards" t3
  where t3."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t4
  where (t4."id"=r."after" and (t4."state"=?2 or exists(
    select 1
    from "boards" t5
    where (t5."id"=t4."board" and t5."owner"=?1)
    limit 1
  )))
) then 1 else 0 end
from (
  select ?3 as "id",?4 as "board",?5 as "after",?6 as "place",?7 as "title",?8 as "state",?9 as "points",?10 as "weight",?11 as "due",?12 as "begun",?13 as "late",?14 as "words",?15 as "extra",?16 as "serial",?17 as "note",?18 as "price",?19 as "secret",?20 as "created",?21 as "updated",?22 as "version"
) r

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)

-- delete
delete
from "cards"
where "id"=?1

-- probe id
select 1
from "cards"
where "id"=?1
limit 1

-- update board
update "cards" set "board"=?1,version=version+1
where "id"=?2

-- update board, version
update "cards" set "board"=?1,"version"=?2
where "id"=?3

-- update of cards by user

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?1)
  limit 1
) and r."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
    limit 1
  ))
  limit 1
)) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=?1)
  limit 1
)) then 1 else 0 end,case when r."state"=?3 then 1 else 0 end,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?4

-- changed
select r.version,case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=o."board" and t1."owner"=?1)
  limit 1
) and o."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
    limit 1
  ))
  limit 1
)) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=?1)
  limit 1
)) then 1 else 0 end,case when o."state"=?3 then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t5
  where t5."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t6
  where (t6."id"=r."after" and (t6."state"=?2 or exists(
    select 1
    from "boards" t7
    where (t7."id"=t6."board" and t7."owner"=?1)
    limit 1
  )))
) then 1 else 0 end,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",'"',(case when exists(
  select 1
  from "boards" t8
  where (t8."id"=r."board" and t8."owner"=?1)
  limit 1
) then concat(',"note":',coalesce(json_quote(r."note"),'null')) else '' end),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}'),concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
cross join (
  select ?4 as "id",?5 as "board",?6 as "place",?7 as "state"
) o
where r."id"=?8

-- candidate
select case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=o."board" and t1."owner"=?1)
  limit 1
) and o."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
    limit 1
  ))
  limit 1
)) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=?1)
  limit 1
)) then 1 else 0 end,case when o."state"=?3 then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t5
  where t5."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t6
  where (t6."id"=r."after" and (t6."state"=?2 or exists(
    select 1
    from "boards" t7
    where (t7."id"=t6."board" and t7."owner"=?1)
    limit 1
  )))
) then 1 else 0 end
from (
  select ?4 as "id",?5 as "board",?6 as "after",?7 as "place",?8 as "title",?9 as "state",?10 as "points",?11 as "weight",?12 as "due",?13 as "begun",?14 as "late",?15 as "words",?16 as "extra",?17 as "serial",?18 as "note",?19 as "price",?20 as "secret",?21 as "created",?22 as "updated",?23 as "version"
) r
cross join (
  select ?24 as "id",?25 as "board",?26 as "place",?27 as "state"
) o

-- beforehand
select case when (exists(
  select 1
  from "boards" t1
  where (t1."id"=o."board" and t1."owner"=?1)
  limit 1
) and o."place"<=r."place" and exists(
  select 1
  from "boards" t2
  where (t2."id"=r."board" and exists(
    select 1
    from "cards" t3
    where t3."board"=t2."id" and t3."place"=r."place"
    limit 1
  ))
  limit 1
)) then 1 else 0 end,case when (r."state"=?2 or exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and t4."owner"=?1)
  limit 1
)) then 1 else 0 end,case when o."state"=?3 then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t5
  where t5."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t6
  where (t6."id"=r."after" and (t6."state"=?2 or exists(
    select 1
    from "boards" t7
    where (t7."id"=t6."board" and t7."owner"=?1)
    limit 1
  )))
) then 1 else 0 end
from (
  select ?4 as "id",?5 as "board",?6 as "after",?7 as "place",?8 as "title",?9 as "state",?10 as "points",?11 as "weight",?12 as "due",?13 as "begun",?14 as "late",?15 as "words",?16 as "extra",?17 as "serial",?18 as "note",?19 as "price",?20 as "secret",?21 as "created",?22 as "updated",?23 as "version"
) r
cross join (
  select ?24 as "id",?25 as "board",?26 as "place",?27 as "state"
) o

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)

-- delete
delete
from "cards"
where "id"=?1

-- probe id
select 1
from "cards"
where "id"=?1 and "id"<>?1
limit 1

-- masked note
select case when exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?1)
  limit 1
) then 1 else 0 end
from "cards" r
where r."id"=?2

-- update board
update "cards" set "board"=?1,version=version+1
where "id"=?2

-- update board, version
update "cards" set "board"=?1,"version"=?2
where "id"=?3

-- matching
select r."id"
from "cards" r
where ((r."place"<?1 and r."board" in (
  select t1."id"
  from "boards" t1
  where t1."owner"=?2
)) and (r."state"=?3 or r."board" in (
  select t2."id"
  from "boards" t2
  where t2."owner"=?2
)) and (r."board" in (
  select t3."id"
  from "boards" t3
  where t3."owner"=?2
) and r."place"<=r."place" and exists(
  select 1
  from "boards" t4
  where (t4."id"=r."board" and exists(
    select 1
    from "cards" t5
    where t5."board"=t4."id" and t5."place"=r."place"
    limit 1
  ))
  limit 1
)))
order by r."id"
limit 10

-- children
select "id"
from "cards"
where "board"=?1
order by "id"
limit 10

-- kept by id
select concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?1

-- kept by board
select concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."board"=?1 and cast(r."id" as text) not in (
  select key
  from _changes
  where seq>?2 and collection=?3
)

-- delete of cards by user

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",1,case when (r."state"=?1 or exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?2)
  limit 1
)) then 1 else 0 end,case when r."state"=?3 then 1 else 0 end,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?4

-- changed
select r.version,1,case when (r."state"=?1 or exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?2)
  limit 1
)) then 1 else 0 end,case when o."state"=?3 then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t2
  where t2."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t3
  where (t3."id"=r."after" and (t3."state"=?1 or exists(
    select 1
    from "boards" t4
    where (t4."id"=t3."board" and t4."owner"=?2)
    limit 1
  )))
) then 1 else 0 end,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",'"',(case when exists(
  select 1
  from "boards" t5
  where (t5."id"=r."board" and t5."owner"=?2)
  limit 1
) then concat(',"note":',coalesce(json_quote(r."note"),'null')) else '' end),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}'),concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
cross join (
  select ?4 as "id",?5 as "state"
) o
where r."id"=?6

-- candidate
select 1,case when (r."state"=?1 or exists(
  select 1
  from "boards" t1
  where (t1."id"=r."board" and t1."owner"=?2)
  limit 1
)) then 1 else 0 end,case when o."state"=?3 then 1 else 0 end,case when r."board" is null or exists(
  select 1
  from "boards" t2
  where t2."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t3
  where (t3."id"=r."after" and (t3."state"=?1 or exists(
    select 1
    from "boards" t4
    where (t4."id"=t3."board" and t4."owner"=?2)
    limit 1
  )))
) then 1 else 0 end
from (
  select ?4 as "id",?5 as "board",?6 as "after",?7 as "place",?8 as "title",?9 as "state",?10 as "points",?11 as "weight",?12 as "due",?13 as "begun",?14 as "late",?15 as "words",?16 as "extra",?17 as "serial",?18 as "note",?19 as "price",?20 as "secret",?21 as "created",?22 as "updated",?23 as "version"
) r
cross join (
  select ?24 as "id",?25 as "state"
) o

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)

-- delete
delete
from "cards"
where "id"=?1

-- probe id
select 1
from "cards"
where "id"=?1 and "id"<>?1
limit 1

-- update board
update "cards" set "board"=?1,version=version+1
where "id"=?2

-- update board, version
update "cards" set "board"=?1,"version"=?2
where "id"=?3

-- update of cards by system

-- stored
select r.version,r."id",r."board",r."after",r."place",r."title",r."state",r."points",r."weight",r."due",r."begun",r."late",r."words",r."extra",r."serial",r."note",r."price",r."secret",r."created",r."updated",r."version",1,1,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?1

-- changed
select r.version,1,1,case when r."board" is null or exists(
  select 1
  from "boards" t1
  where t1."id"=r."board"
) then 1 else 0 end,case when r."after" is null or exists(
  select 1
  from "cards" t2
  where t2."id"=r."after"
) then 1 else 0 end,concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"secret":',coalesce(json_quote(r."secret"),'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}'),concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?1

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
  select ?1 as "id",?2 as "board",?3 as "after",?4 as "place",?5 as "title",?6 as "state",?7 as "points",?8 as "weight",?9 as "due",?10 as "begun",?11 as "late",?12 as "words",?13 as "extra",?14 as "serial",?15 as "note",?16 as "price",?17 as "secret",?18 as "created",?19 as "updated",?20 as "version"
) r

-- insert
insert into "cards" ("id","board","after","place","title","state","points","weight","due","begun","late","words","extra","serial","note","price","secret","created","updated","version") values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20)

-- delete
delete
from "cards"
where "id"=?1

-- probe id
select 1
from "cards"
where "id"=?1 and "id"<>?1
limit 1

-- update board
update "cards" set "board"=?1,version=version+1
where "id"=?2

-- update board, version
update "cards" set "board"=?1,"version"=?2
where "id"=?3

-- assign title, place, points; computed place, points
update "cards" set "title"=?1,"updated"=?2,"place"=("cards"."place"+?3),"points"=("cards"."points"-?4),version=version+1
where 1=0

-- computable title, place, points; computed place, points
select 0,case when typeof((r."place"+?1))='integer' then 1 else 0 end,case when typeof((r."points"-?2))='integer' then 1 else 0 end
from "cards" r
where r."id"=?3

-- matching
select r."id"
from "cards" r
where 1=0
order by r."id"
limit 10

-- children
select "id"
from "cards"
where "board"=?1
order by "id"
limit 10

-- kept by id
select concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."id"=?1

-- kept by board
select concat('{"id":"',r."id",
  '","board":"',r."board",
  '","after":',coalesce('"'||r."after"||'"','null'),
  ',"place":',r."place",
  ',"title":',json_quote(r."title"),
  ',"state":',json_quote(r."state"),
  ',"points":',coalesce('"'||case when r."points"<0 then '-' else '' end||(abs(r."points")/10)||'.'||substr('0'||(abs(r."points")%10),-1)||'"','null'),
  ',"weight":',json_quote(r."weight"),
  ',"due":',coalesce('"'||r."due"||'"','null'),
  ',"begun":',coalesce('"'||r."begun"||'"','null'),
  ',"late":',case r."late" when 1 then 'true' when 0 then 'false' end,
  ',"words":',r."words",
  ',"extra":',coalesce(r."extra",'null'),
  ',"serial":"',r."serial",
  '","note":',coalesce(json_quote(r."note"),'null'),
  ',"price":',coalesce(r."price",'null'),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}')
from "cards" r
where r."board"=?1 and cast(r."id" as text) not in (
  select key
  from _changes
  where seq>?2 and collection=?3
)
