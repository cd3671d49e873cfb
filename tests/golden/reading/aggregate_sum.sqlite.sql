select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||case when a._m0<0 then '-' else '' end||(abs(a._m0)/100)||'.'||substr('00'||(abs(a._m0)%100),-2)||'"','null')||
  ',"stock":'||coalesce((case when a._m1 not between -9007199254740991 and 9007199254740991 then abs(a._m1-a._m1-9223372036854775807-1) else a._m1 end),'null')||
  ',"weight":'||coalesce(json_quote((case when abs(a._m2)=9e999 then abs(cast(-abs(a._m2) as integer)) else a._m2 end)),'null')||
  ',"serial":'||coalesce('"'||a._m3||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _m0,sum(r."stock") as _m1,sum(r."weight") as _m2,sum(r."serial") as _m3
  from "products" r
) a
limit ?1
