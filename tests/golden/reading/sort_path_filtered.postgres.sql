select '{"name":'||to_json(p."name")::text||'}',p._k0,p._k1
from (
  select r.*,t1."name" as _k0,r."id" as _k1
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  where r."stock">$1::int8
  order by t1."name",r."id"
  limit $2::int8
) p
order by p._k0,p._k1
