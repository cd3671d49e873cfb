select '{"id":"'||r."id"::text||
  '","name":'||to_json(r."name")::text||
  ',"created":"'||to_char(r."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(r."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||r."version"::text||'}',r.version
from "categories" r
where r."id"=$1::uuid
