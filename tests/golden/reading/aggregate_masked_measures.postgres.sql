select '{"group":{},"avg":{"product.stock":'||coalesce('"'||round((case when a._m0 not between -9223372036854775807 and 9223372036854775807 then (a._m0*1e20)::int8 else a._m0 end)::numeric(100,26)/nullif(a._n0,0),6)::text||'"','null')||'},"min":{"product.supplier":'||coalesce(to_json(a._m1)::text,'null')||
  ',"author.phone":'||coalesce(to_json(a._m2)::text,'null')||'},"max":{"product.supplier":'||coalesce(to_json(a._m3)::text,'null')||
  ',"author.phone":'||coalesce(to_json(a._m4)::text,'null')||'}}'
from (
  select sum(t1."stock") as _m0,count(t1."stock") as _n0,min((case when t1."available" then t1."supplier" end)) as _m1,min((case when t2."id"=$1::uuid then t2."phone" end)) as _m2,max((case when t1."available" then t1."supplier" end)) as _m3,max((case when t2."id"=$1::uuid then t2."phone" end)) as _m4
  from "reviews" r
  left join "products" t1 on t1."id"=r."product"
  left join "users" t2 on t2."id"=r."author"
  where (r."published" or r."author"=$1::uuid)
) a
limit $2::int8
