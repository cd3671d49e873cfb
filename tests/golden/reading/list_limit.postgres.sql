select '{"id":"'||p."id"::text||
  '","name":'||to_json(p."name")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  order by r."id"
  limit $1::int8
) p
order by p._k0
