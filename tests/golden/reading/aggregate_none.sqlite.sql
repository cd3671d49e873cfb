select '{"group":{},"count":'||a._c||
  ',"sum":{"stock":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then abs(a._m0-a._m0-9223372036854775807-1) else a._m0 end),'null')||
  ',"price":'||coalesce('"'||case when a._m1<0 then '-' else '' end||(abs(a._m1)/100)||'.'||substr('00'||(abs(a._m1)%100),-2)||'"','null')||'},"avg":{"stock":'||coalesce('"'||case when a._m2<0 and ((abs(a._m2)/a._n2+((abs(a._m2)%a._n2)*2000000+a._n2)/(2*a._n2)/1000000)>0 or (((abs(a._m2)%a._n2)*2000000+a._n2)/(2*a._n2)%1000000)>0) then '-' else '' end||(abs(a._m2)/a._n2+((abs(a._m2)%a._n2)*2000000+a._n2)/(2*a._n2)/1000000)||'.'||substr('000000'||(((abs(a._m2)%a._n2)*2000000+a._n2)/(2*a._n2)%1000000),-6)||'"','null')||
  ',"price":'||coalesce('"'||case when a._m3<0 and ((abs(a._m3)/a._n3+((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)/1000000)>0 or (((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)%1000000)>0) then '-' else '' end||((abs(a._m3)/a._n3+((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)/1000000)/100)||'.'||substr('00'||((abs(a._m3)/a._n3+((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)/1000000)%100),-2)||substr('000000'||(((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)%1000000),-6)||'"','null')||
  ',"weight":'||coalesce(json_quote((case when abs(a._m4)=9e999 then abs(cast(-abs(a._m4) as integer)) else a._m4 end)),'null')||'},"min":{"name":'||coalesce(json_quote(a._m5),'null')||
  ',"available":'||coalesce(case a._m6 when 1 then 'true' when 0 then 'false' end,'null')||'},"max":{"since":'||coalesce('"'||a._m7||'"','null')||
  ',"stock":'||coalesce(a._m8,'null')||'}}'
from (
  select count(*) as _c,sum(r."stock") as _m0,sum(r."price") as _m1,sum(r."stock") as _m2,count(r."stock") as _n2,sum(r."price") as _m3,count(r."price") as _n3,avg(r."weight") as _m4,min(r."name") as _m5,min(r."available") as _m6,max(r."since") as _m7,max(r."stock") as _m8
  from "products" r
  where r."stock">?1
) a
limit ?2
