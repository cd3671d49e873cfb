select '{"name":'||to_json(p."name")::text||
  ',"since":'||coalesce('"'||to_char(p."since",'YYYY-MM-DD')||'"','null')||'}',p._k0,p._k1
from (
  select r.*,r."since" as _k0,r."id" as _k1
  from "products" r
  where r."since">=$1::date
  order by r."since" desc nulls last,r."id" desc
  limit $2::int8
) p
order by p._k0 desc nulls last,p._k1 desc
