select '{"name":'||to_json(p."name")::text||(case when p."available" then ',"supplier":'||coalesce(to_json(p."supplier")::text,'null') else '' end)||'}',p._k0,p._k1
from (
  select r.*,(case when r."available" then r."supplier" end) as _k0,r."id" as _k1
  from "products" r
  order by (case when r."available" then r."supplier" end) desc nulls last,r."id" desc
  limit $1::int8
) p
order by p._k0 desc nulls last,p._k1 desc
