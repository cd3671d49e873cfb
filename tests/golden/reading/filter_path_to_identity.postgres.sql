select '{"state":'||to_json(p."state")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "orders" r
  where r."customer" in (
    select t1."id"
    from "users" t1
    where t1."team"=$1::uuid
  )
  order by r."id"
  limit $2::int8
) p
order by p._k0
