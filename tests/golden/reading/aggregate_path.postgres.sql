select '{"group":{"order.state":'||coalesce(to_json(a._g0)::text,'null')||
  ',"product.category.name":'||coalesce(to_json(a._g1)::text,'null')||'},"sum":{"quantity":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then (a._m0*1e20)::int8 else a._m0 end)::text,'null')||
  ',"product.price":'||coalesce('"'||(case when a._m1 not between -9223372036854775807e-2 and 9223372036854775807e-2 then (a._m1*1e22)::int8 else a._m1 end)::text||'"','null')||'}}'
from (
  select t1."state" as _g0,t3."name" as _g1,sum(r."quantity") as _m0,sum(t2."price") as _m1
  from "lines" r
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=$1::uuid)
  left join "products" t2 on t2."id"=r."product"
  left join "categories" t3 on t3."id"=t2."category"
  where r."order" in (
    select t4."id"
    from "orders" t4
    where t4."customer"=$1::uuid
  )
  group by _g0,_g1
) a
order by a._g0 nulls first,a._g1 nulls first
limit $2::int8
