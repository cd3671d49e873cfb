select '{"group":{"product":'||coalesce('"'||a._g0||'"','null')||'},"count":'||a._c||
  ',"sum":{"stars":'||coalesce(a._s0,'null')||'}}'
from (
  select r."product" as _g0,count(*) as _c,sum(r."stars") as _s0
  from "reviews" r
  where ((r."published"=1 or r."author"=?1) and r."stars">?2)
  group by _g0
) a
order by a._g0
limit ?3
