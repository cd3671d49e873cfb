select '{"name":'||to_json(p."name")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where exists(
    select 1
    from "reviews" t1
    where (t1."product"=r."id" and t1."published") and t1."stars">=$1::int8
  )
  order by r."id"
  limit $2::int8
) p
order by p._k0
