select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||(case when a._m0 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m0*1e22)::int8 else a._m0 end)::text||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _m0
  from "products" r
  where r."price"<$1::numeric
) a
limit $2::int8
