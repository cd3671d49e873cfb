select '{"name":'||to_json(p."name")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where (starts_with(lower(r."name" collate "C"),$1::text collate "C") or strpos(r."about",$2::text collate "C")>0)
  order by r."id"
  limit $3::int8
) p
order by p._k0
