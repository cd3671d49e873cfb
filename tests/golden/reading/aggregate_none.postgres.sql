select '{"group":{},"count":'||a._c||
  ',"sum":{"stock":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then (a._m0*1e20)::int8 else a._m0 end)::text,'null')||
  ',"price":'||coalesce('"'||(case when a._m1 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m1*1e22)::int8 else a._m1 end)::text||'"','null')||'},"avg":{"stock":'||coalesce('"'||round((case when a._m2 not between -9223372036854775807 and 9223372036854775807 then (a._m2*1e20)::int8 else a._m2 end)::numeric(100,26)/nullif(a._n2,0),6)::text||'"','null')||
  ',"price":'||coalesce('"'||round((case when a._m3 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m3*1e22)::int8 else a._m3 end)::numeric(100,28)/nullif(a._n3,0),8)::text||'"','null')||
  ',"weight":'||coalesce(to_json(a._m4)::text,'null')||'},"min":{"name":'||coalesce(to_json(a._m5)::text,'null')||
  ',"available":'||coalesce(a._m6::text,'null')||'},"max":{"since":'||coalesce('"'||to_char(a._m7,'YYYY-MM-DD')||'"','null')||
  ',"stock":'||coalesce(a._m8::text,'null')||'}}'
from (
  select count(*) as _c,sum(r."stock") as _m0,sum(r."price") as _m1,sum(r."stock") as _m2,count(r."stock") as _n2,sum(r."price") as _m3,count(r."price") as _n3,sum(r."weight")/count(r."weight") as _m4,min(r."name") as _m5,bool_and(r."available") as _m6,max(r."since") as _m7,max(r."stock") as _m8
  from "products" r
  where r."stock">$1::int8
) a
limit $2::int8
