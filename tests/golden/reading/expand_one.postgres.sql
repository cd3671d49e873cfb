select '{"name":'||to_json(p."name")::text||
  ',"category":'||coalesce((
  select '{"name":'||to_json(t1."name")::text||'}'
  from "categories" t1
  where t1."id"=p."category"
),'"'||p."category"::text||'"')||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  order by r."id"
  limit $1::int8
) p
order by p._k0
