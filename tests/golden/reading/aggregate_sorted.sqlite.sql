select '{"group":{"category.name":'||coalesce(json_quote(a._g0),'null')||
  ',"available":'||coalesce(case a._g1 when 1 then 'true' when 0 then 'false' end,'null')||
  ',"size":'||coalesce(json_quote(a._g2),'null')||'},"count":'||a._c||
  ',"sum":{"stock":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then abs(a._m0-a._m0-9223372036854775807-1) else a._m0 end),'null')||'}}'
from (
  select t1."name" as _g0,r."available" as _g1,r."size" as _g2,count(*) as _c,sum(r."stock") as _m0
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  group by _g0,_g1,_g2
) a
order by a._c desc,a._m0,a._g1 desc,a._g0,a._g2
limit ?1
