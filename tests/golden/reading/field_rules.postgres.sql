select '{"name":'||to_json(p."name")::text||
  ',"nick":'||coalesce(to_json(p."nick")::text,'null')||(case when p."id"=$1::uuid then ',"phone":'||coalesce(to_json(p."phone")::text,'null') else '' end)||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "users" r
  order by r."id"
  limit $2::int8
) p
order by p._k0
