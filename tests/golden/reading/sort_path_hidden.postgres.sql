select '{"id":"'||p."id"::text||
  '","author":'||coalesce('"'||p."author"::text||'"','null')||'}',p._k0,p._k1
from (
  select r.*,(case when t1."id"=$1::uuid then t1."phone" end) as _k0,r."id" as _k1
  from "reviews" r
  left join "users" t1 on t1."id"=r."author"
  where (r."published" or r."author"=$1::uuid)
  order by (case when t1."id"=$1::uuid then t1."phone" end) nulls first,r."id"
  limit $2::int8
) p
order by p._k0 nulls first,p._k1
