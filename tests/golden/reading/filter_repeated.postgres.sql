select '{"name":'||to_json(p."name")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where (r."price"<$1::numeric and r."available" and r."stock">=$2::int8)
  order by r."id"
  limit $3::int8
) p
order by p._k0
