select '{"group":{"category.name":'||coalesce(to_json(a._g0)::text,'null')||
  ',"available":'||coalesce(a._g1::text,'null')||
  ',"size":'||coalesce(to_json(a._g2)::text,'null')||'},"count":'||a._c||
  ',"sum":{"stock":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then (a._m0*1e20)::int8 else a._m0 end)::text,'null')||'}}'
from (
  select t1."name" as _g0,r."available" as _g1,r."size" as _g2,count(*) as _c,sum(r."stock") as _m0
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  group by _g0,_g1,_g2
) a
order by a._c desc,a._m0 nulls first,a._g1 desc nulls last,a._g0 nulls first,a._g2 nulls first
limit $1::int8
