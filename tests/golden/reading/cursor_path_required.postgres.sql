select '{"id":"'||p."id"::text||'"}',p._k0,p._k1
from (
  select r.*,t1."price" as _k0,r."id" as _k1
  from "reviews" r
  left join "products" t1 on t1."id"=r."product"
  where ((t1."price"<=$1::numeric and (t1."price",r."id")<($1::numeric,$2::uuid)) and (r."published" and r."stars">$3::int8))
  order by t1."price" desc,r."id" desc
  limit $4::int8
) p
order by p._k0 desc,p._k1 desc
