select '{"group":{"available":'||coalesce(a._g0::text,'null')||
  ',"size":'||coalesce(to_json(a._g1)::text,'null')||'},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||(case when a._m0 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m0*1e22)::int8 else a._m0 end)::text||'"','null')||
  ',"stock":'||coalesce((case when a._m1 not between -9007199254740991 and 9007199254740991 then (a._m1*1e20)::int8 else a._m1 end)::text,'null')||
  ',"serial":'||coalesce('"'||(case when a._m2 not between -9223372036854775807 and 9223372036854775807 then (a._m2*1e20)::int8 else a._m2 end)::text||'"','null')||'},"avg":{"price":'||coalesce('"'||round((case when a._m3 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m3*1e22)::int8 else a._m3 end)::numeric(100,28)/nullif(a._n3,0),8)::text||'"','null')||
  ',"stock":'||coalesce('"'||round((case when a._m4 not between -9223372036854775807 and 9223372036854775807 then (a._m4*1e20)::int8 else a._m4 end)::numeric(100,26)/nullif(a._n4,0),6)::text||'"','null')||
  ',"serial":'||coalesce('"'||round((case when a._m5 not between -9223372036854775807 and 9223372036854775807 then (a._m5*1e20)::int8 else a._m5 end)::numeric(100,26)/nullif(a._n5,0),6)::text||'"','null')||
  ',"weight":'||coalesce(to_json(a._m6)::text,'null')||'},"min":{"name":'||coalesce(to_json(a._m7)::text,'null')||
  ',"price":'||coalesce('"'||a._m8::text||'"','null')||
  ',"since":'||coalesce('"'||to_char(a._m9,'YYYY-MM-DD')||'"','null')||
  ',"available":'||coalesce(a._m10::text,'null')||
  ',"id":'||coalesce('"'||a._m11::text||'"','null')||'},"max":{"name":'||coalesce(to_json(a._m12)::text,'null')||
  ',"price":'||coalesce('"'||a._m13::text||'"','null')||
  ',"checked":'||coalesce('"'||to_char(a._m14 at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"','null')||
  ',"serial":'||coalesce('"'||a._m15::text||'"','null')||
  ',"category":'||coalesce('"'||a._m16::text||'"','null')||'}}'
from (
  select r."available" as _g0,r."size" as _g1,count(*) as _c,sum(r."price") as _m0,sum(r."stock") as _m1,sum(r."serial") as _m2,sum(r."price") as _m3,count(r."price") as _n3,sum(r."stock") as _m4,count(r."stock") as _n4,sum(r."serial") as _m5,count(r."serial") as _n5,sum(r."weight")/count(r."weight") as _m6,min(r."name") as _m7,min(r."price") as _m8,min(r."since") as _m9,bool_and(r."available") as _m10,min(r."id"::text collate "C")::uuid as _m11,max(r."name") as _m12,max(r."price") as _m13,max(r."checked") as _m14,max(r."serial") as _m15,max(r."category"::text collate "C")::uuid as _m16
  from "products" r
  group by _g0,_g1
) a
order by a._g0 nulls first,a._g1 nulls first
limit $1::int8
