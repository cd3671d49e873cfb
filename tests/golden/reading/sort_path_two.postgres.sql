select '{"id":"'||p."id"::text||
  '","stars":'||p."stars"::text||'}',p._k0,p._k1,p._k2
from (
  select r.*,t2."name" as _k0,r."stars" as _k1,r."id" as _k2
  from "reviews" r
  left join "products" t1 on t1."id"=r."product"
  left join "categories" t2 on t2."id"=t1."category"
  where r."published"
  order by t2."name" desc,r."stars",r."id"
  limit $1::int8
) p
order by p._k0 desc,p._k1,p._k2
