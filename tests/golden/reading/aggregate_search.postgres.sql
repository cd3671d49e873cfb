select '{"group":{"category.name":'||coalesce(to_json(a._g0)::text,'null')||'},"count":'||a._c||'}'
from (
  select t1."name" as _g0,count(*) as _c
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  where r._search @@ $1::tsquery
  group by _g0
) a
order by a._g0 nulls first
limit $2::int8
