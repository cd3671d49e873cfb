select '{"id":"'||p."id"::text||
  '","name":'||to_json(p."name")::text||
  ',"created":"'||to_char(p."created" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","updated":"'||to_char(p."updated" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||
  '","version":'||p."version"::text||
  ',"plans":{"items":[],"more":false}}',p._k0
from (
  select r.*,r."id" as _k0
  from "teams" r
  order by r."id"
  limit $1::int8
) p
order by p._k0
