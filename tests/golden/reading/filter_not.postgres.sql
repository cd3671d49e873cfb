select '{"name":'||to_json(p."name")::text||
  ',"weight":'||coalesce(to_json(p."weight")::text,'null')||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where r."weight">=$1::float8
  order by r."id"
  limit $2::int8
) p
order by p._k0
