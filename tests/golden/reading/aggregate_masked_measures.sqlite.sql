select '{"group":{},"avg":{"product.stock":'||coalesce('"'||case when a._m0<0 and ((abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000)>0 or (((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)%1000000)>0) then '-' else '' end||(abs(a._m0)/a._n0+((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)/1000000)||'.'||substr('000000'||(((abs(a._m0)%a._n0)*2000000+a._n0)/(2*a._n0)%1000000),-6)||'"','null')||'},"min":{"product.supplier":'||coalesce(json_quote(a._m1),'null')||
  ',"author.phone":'||coalesce(json_quote(a._m2),'null')||'},"max":{"product.supplier":'||coalesce(json_quote(a._m3),'null')||
  ',"author.phone":'||coalesce(json_quote(a._m4),'null')||'}}'
from (
  select sum(t1."stock") as _m0,count(t1."stock") as _n0,min((case when t1."available"=1 then t1."supplier" end)) as _m1,min((case when t2."id"=?1 then t2."phone" end)) as _m2,max((case when t1."available"=1 then t1."supplier" end)) as _m3,max((case when t2."id"=?1 then t2."phone" end)) as _m4
  from "reviews" r
  left join "products" t1 on t1."id"=r."product"
  left join "users" t2 on t2."id"=r."author"
  where (r."published"=1 or r."author"=?1)
) a
limit ?2
