select '{"group":{},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||case when a._m0<0 then '-' else '' end||(abs(a._m0)/100)||'.'||substr('00'||(abs(a._m0)%100),-2)||'"','null')||'}}'
from (
  select count(*) as _c,sum(r."price") as _m0
  from "products" r
  where r."price"<?1
) a
limit ?2
