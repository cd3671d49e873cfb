select '{"quantity":'||p."quantity"::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "lines" r
  where r."order" in (
    select t1."id"
    from "orders" t1
    where t1."customer"=$1::uuid
  )
  order by r."id"
  limit $2::int8
) p
order by p._k0
