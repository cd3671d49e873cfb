select '{"group":{"available":'||coalesce(case a._g0 when 1 then 'true' when 0 then 'false' end,'null')||
  ',"size":'||coalesce(json_quote(a._g1),'null')||'},"count":'||a._c||
  ',"sum":{"price":'||coalesce('"'||case when a._m0<0 then '-' else '' end||(abs(a._m0)/100)||'.'||substr('00'||(abs(a._m0)%100),-2)||'"','null')||
  ',"stock":'||coalesce((case when a._m1 not between -9007199254740991 and 9007199254740991 then abs(a._m1-a._m1-9223372036854775807-1) else a._m1 end),'null')||
  ',"serial":'||coalesce('"'||a._m2||'"','null')||'},"avg":{"price":'||coalesce('"'||case when a._m3<0 and ((abs(a._m3)/a._n3+((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)/1000000)>0 or (((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)%1000000)>0) then '-' else '' end||((abs(a._m3)/a._n3+((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)/1000000)/100)||'.'||substr('00'||((abs(a._m3)/a._n3+((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)/1000000)%100),-2)||substr('000000'||(((abs(a._m3)%a._n3)*2000000+a._n3)/(2*a._n3)%1000000),-6)||'"','null')||
  ',"stock":'||coalesce('"'||case when a._m4<0 and ((abs(a._m4)/a._n4+((abs(a._m4)%a._n4)*2000000+a._n4)/(2*a._n4)/1000000)>0 or (((abs(a._m4)%a._n4)*2000000+a._n4)/(2*a._n4)%1000000)>0) then '-' else '' end||(abs(a._m4)/a._n4+((abs(a._m4)%a._n4)*2000000+a._n4)/(2*a._n4)/1000000)||'.'||substr('000000'||(((abs(a._m4)%a._n4)*2000000+a._n4)/(2*a._n4)%1000000),-6)||'"','null')||
  ',"serial":'||coalesce('"'||case when a._m5<0 and ((abs(a._m5)/a._n5+((abs(a._m5)%a._n5)*2000000+a._n5)/(2*a._n5)/1000000)>0 or (((abs(a._m5)%a._n5)*2000000+a._n5)/(2*a._n5)%1000000)>0) then '-' else '' end||(abs(a._m5)/a._n5+((abs(a._m5)%a._n5)*2000000+a._n5)/(2*a._n5)/1000000)||'.'||substr('000000'||(((abs(a._m5)%a._n5)*2000000+a._n5)/(2*a._n5)%1000000),-6)||'"','null')||
  ',"weight":'||coalesce(json_quote((case when abs(a._m6)=9e999 then abs(cast(-abs(a._m6) as integer)) else a._m6 end)),'null')||'},"min":{"name":'||coalesce(json_quote(a._m7),'null')||
  ',"price":'||coalesce('"'||case when a._m8<0 then '-' else '' end||(abs(a._m8)/100)||'.'||substr('00'||(abs(a._m8)%100),-2)||'"','null')||
  ',"since":'||coalesce('"'||a._m9||'"','null')||
  ',"available":'||coalesce(case a._m10 when 1 then 'true' when 0 then 'false' end,'null')||
  ',"id":'||coalesce('"'||a._m11||'"','null')||'},"max":{"name":'||coalesce(json_quote(a._m12),'null')||
  ',"price":'||coalesce('"'||case when a._m13<0 then '-' else '' end||(abs(a._m13)/100)||'.'||substr('00'||(abs(a._m13)%100),-2)||'"','null')||
  ',"checked":'||coalesce('"'||a._m14||'"','null')||
  ',"serial":'||coalesce('"'||a._m15||'"','null')||
  ',"category":'||coalesce('"'||a._m16||'"','null')||'}}'
from (
  select r."available" as _g0,r."size" as _g1,count(*) as _c,sum(r."price") as _m0,sum(r."stock") as _m1,sum(r."serial") as _m2,sum(r."price") as _m3,count(r."price") as _n3,sum(r."stock") as _m4,count(r."stock") as _n4,sum(r."serial") as _m5,count(r."serial") as _n5,avg(r."weight") as _m6,min(r."name") as _m7,min(r."price") as _m8,min(r."since") as _m9,min(r."available") as _m10,min(r."id") as _m11,max(r."name") as _m12,max(r."price") as _m13,max(r."checked") as _m14,max(r."serial") as _m15,max(r."category") as _m16
  from "products" r
  group by _g0,_g1
) a
order by a._g0,a._g1
limit ?1
