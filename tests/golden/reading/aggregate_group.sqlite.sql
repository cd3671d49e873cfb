select '{"group":{"product":'||coalesce('"'||a._g0||'"','null')||'},"count":'||a._c||
  ',"sum":{"stars":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then abs(a._m0-a._m0-9223372036854775807-1) else a._m0 end),'null')||'}}'
from (
  select r."product" as _g0,count(*) as _c,sum(r."stars") as _m0
  from "reviews" r
  where ((r."published"=1 or r."author"=?1) and r."stars">?2)
  group by _g0
) a
order by a._g0
limit ?3
