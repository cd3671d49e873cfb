select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||a._s0::text||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _s0
  from "products" r
  where r."price"<$1::numeric
) a
limit $2::int8
