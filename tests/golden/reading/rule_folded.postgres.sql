select '{"state":'||to_json(p."state")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "orders" r
  order by r."id"
  limit $1::int8
) p
order by p._k0
