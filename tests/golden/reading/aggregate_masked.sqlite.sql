select '{"group":{"supplier":'||coalesce(json_quote(a._g0),'null')||
  ',"available":'||coalesce(case a._g1 when 1 then 'true' when 0 then 'false' end,'null')||'},"count":'||a._c||'}'
from (
  select (case when r."available"=1 then r."supplier" end) as _g0,r."available" as _g1,count(*) as _c
  from "products" r
  group by _g0,_g1
) a
order by a._g0,a._g1
limit ?1
