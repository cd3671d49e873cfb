select '{"name":'||to_json(p."name")::text||
  ',"checked":'||coalesce('"'||to_char(p."checked" at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where (r."checked">$1::timestamptz and (((extract(epoch from r."checked")*1000000)::numeric+$2::int8) between -62135596800000000 and 253402300799999999 and ((extract(epoch from r."checked")*1000000)::numeric+$2::int8)<(extract(epoch from $3::timestamptz)*1000000)::numeric))
  order by r."id"
  limit $4::int8
) p
order by p._k0
