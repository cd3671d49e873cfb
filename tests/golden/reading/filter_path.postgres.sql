select '{"name":'||to_json(p."name")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where exists(
    select 1
    from "categories" t1
    where (t1."id"=r."category" and t1."name"=$1::text collate "C")
  )
  order by r."id"
  limit $2::int8
) p
order by p._k0
