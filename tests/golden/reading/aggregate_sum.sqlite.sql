select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||case when a._s0<0 then '-' else '' end||(abs(a._s0)/100)||'.'||substr('00'||(abs(a._s0)%100),-2)||'"','null')||
  ',"stock":'||coalesce(a._s1,'null')||
  ',"weight":'||coalesce(json_quote((case when abs(a._s2)=9e999 then abs(cast(-abs(a._s2) as integer)) else a._s2 end)),'null')||
  ',"serial":'||coalesce('"'||a._s3||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _s0,sum(r."stock") as _s1,sum(r."weight") as _s2,sum(r."serial") as _s3
  from "products" r
) a
limit ?1
