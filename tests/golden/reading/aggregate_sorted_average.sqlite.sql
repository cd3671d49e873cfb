select '{"group":{"size":'||coalesce(json_quote(a._g0),'null')||'},"avg":{"price":'||coalesce('"'||case when a._m0<0 and ((abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000)>0 or (((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)%1000000)>0) then '-' else '' end||((abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000)/100)||'.'||substr('00'||((abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000)%100),-2)||substr('000000'||(((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)%1000000),-6)||'"','null')||
  ',"weight":'||coalesce(json_quote((case when abs(a._m1)=9e999 then abs(cast(-abs(a._m1) as integer)) else a._m1 end)),'null')||'}}'
from (
  select r."size" as _g0,sum(r."price") as _m0,count(r."price") as _n0,avg(r."weight") as _m1
  from "products" r
  group by _g0
) a
order by (case when a._m0<0 then -(abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000) else (abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000) end) desc,(case when a._m0<0 then -(((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)%1000000) else (((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)%1000000) end) desc,a._m1,a._g0
limit ?1
