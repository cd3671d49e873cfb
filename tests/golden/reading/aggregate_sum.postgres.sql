select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||a._s0::text||'"','null')||
  ',"stock":'||coalesce(a._s1::text,'null')||
  ',"weight":'||coalesce(to_json(a._s2)::text,'null')||
  ',"serial":'||coalesce('"'||a._s3::text||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _s0,sum(r."stock") as _s1,sum(r."weight") as _s2,sum(r."serial") as _s3
  from "products" r
) a
limit $1::int8
