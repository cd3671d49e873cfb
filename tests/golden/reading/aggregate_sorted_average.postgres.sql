select '{"group":{"size":'||coalesce(to_json(a._g0)::text,'null')||'},"avg":{"price":'||coalesce('"'||round((case when a._m0 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m0*1e22)::int8 else a._m0 end)::numeric(100,28)/nullif(a._n0,0),8)::text||'"','null')||
  ',"weight":'||coalesce(to_json(a._m1)::text,'null')||'}}'
from (
  select r."size" as _g0,sum(r."price") as _m0,count(r."price") as _n0,sum(r."weight")/count(r."weight") as _m1
  from "products" r
  group by _g0
) a
order by round((case when a._m0 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m0*1e22)::int8 else a._m0 end)::numeric(100,28)/nullif(a._n0,0),8) desc nulls last,a._m1 nulls first,a._g0 nulls first
limit $1::int8
