select '{"name":'||to_json(p."name")::text||(case when p."available" then ',"supplier":'||coalesce(to_json(p."supplier")::text,'null') else '' end)||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where (case when r."available" then r."supplier" end) is not null
  order by r."id"
  limit $1::int8
) p
order by p._k0
