select '{"stars":'||p."stars"::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "reviews" r
  where (r."published" or r."author"=$1::uuid)
  order by r."id"
  limit $2::int8
) p
order by p._k0

select count(*)
from "reviews" r
where (r."published" or r."author"=$1::uuid)
