select '{"text":'||to_json(p."text")::text||
  ',"published":'||p."published"::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "reviews" r
  where ((r."published" or r."author"=$1::uuid) and r."author"=$1::uuid)
  order by r."id"
  limit $2::int8
) p
order by p._k0
