select '{"group":{"order.state":'||coalesce(to_json(a._g0)::text,'null')||
  ',"product.category.name":'||coalesce(to_json(a._g1)::text,'null')||'},"sum":{"quantity":'||coalesce(a._s0::text,'null')||
  ',"product.price":'||coalesce('"'||a._s1::text||'"','null')||'}}'
from (
  select t1."state" as _g0,t3."name" as _g1,sum(r."quantity") as _s0,sum(t2."price") as _s1
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
