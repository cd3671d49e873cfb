select '{"name":'||to_json(p."name")::text||
  ',"price":"'||p."price"::text||'"}',p._k0,p._k1,p._k2
from (
  select r.*,t1."name" as _k0,r."price" as _k1,r."id" as _k2
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  order by t1."name" desc,r."price",r."id"
  limit $1::int8
) p
order by p._k0 desc,p._k1,p._k2
