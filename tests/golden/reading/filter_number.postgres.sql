select '{"name":'||to_json(p."name")::text||
  ',"price":"'||p."price"::text||'"}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where r."price"<$1::numeric
  order by r."id"
  limit $2::int8
) p
order by p._k0
