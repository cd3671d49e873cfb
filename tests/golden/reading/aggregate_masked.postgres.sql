select '{"group":{"supplier":'||coalesce(to_json(a._g0)::text,'null')||
  ',"available":'||coalesce(a._g1::text,'null')||'},"count":'||a._c||'}'
from (
  select (case when r."available" then r."supplier" end) as _g0,r."available" as _g1,count(*) as _c
  from "products" r
  group by _g0,_g1
) a
order by a._g0 nulls first,a._g1 nulls first
limit $1::int8
