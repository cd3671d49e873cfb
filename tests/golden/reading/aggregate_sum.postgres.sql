select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||(case when a._m0 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m0*1e22)::int8 else a._m0 end)::text||'"','null')||
  ',"stock":'||coalesce((case when a._m1 not between -9007199254740991 and 9007199254740991 then (a._m1*1e20)::int8 else a._m1 end)::text,'null')||
  ',"weight":'||coalesce(to_json(a._m2)::text,'null')||
  ',"serial":'||coalesce('"'||(case when a._m3 not between -9223372036854775807 and 9223372036854775807 then (a._m3*1e20)::int8 else a._m3 end)::text||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _m0,sum(r."stock") as _m1,sum(r."weight") as _m2,sum(r."serial") as _m3
  from "products" r
) a
limit $1::int8
