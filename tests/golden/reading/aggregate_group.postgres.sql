select '{"group":{"product":'||coalesce('"'||a._g0::text||'"','null')||'},"count":'||a._c||
  ',"sum":{"stars":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then (a._m0*1e20)::int8 else a._m0 end)::text,'null')||'}}'
from (
  select r."product" as _g0,count(*) as _c,sum(r."stars") as _m0
  from "reviews" r
  where ((r."published" or r."author"=$1::uuid) and r."stars">$2::int8)
  group by _g0
) a
order by a._g0 nulls first
limit $3::int8
