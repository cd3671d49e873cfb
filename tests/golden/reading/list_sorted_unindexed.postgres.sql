select '{"name":'||to_json(p."name")::text||
  ',"stock":'||p."stock"::text||'}',p._k0,p._k1,p._k2
from (
  select r.*,r."stock" as _k0,r."name" as _k1,r."id" as _k2
  from "products" r
  order by r."stock",r."name" desc,r."id" desc
  limit $1::int8
) p
order by p._k0,p._k1 desc,p._k2 desc
