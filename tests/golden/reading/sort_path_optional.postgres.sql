select '{"id":"'||p."id"::text||
  '","author":'||coalesce('"'||p."author"::text||'"','null')||'}',p._k0,p._k1
from (
  select r.*,t1."email" as _k0,r."id" as _k1
  from "reviews" r
  left join "users" t1 on t1."id"=r."author"
  where r."published"
  order by t1."email" nulls first,r."id"
  limit $1::int8
) p
order by p._k0 nulls first,p._k1
