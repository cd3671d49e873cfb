select '{"group":{"order.state":'||coalesce(json_quote(a._g0),'null')||
  ',"product.category.name":'||coalesce(json_quote(a._g1),'null')||'},"sum":{"quantity":'||coalesce((case when a._m0 not between -9007199254740991 and 9007199254740991 then abs(a._m0-a._m0-9223372036854775807-1) else a._m0 end),'null')||
  ',"product.price":'||coalesce('"'||case when a._m1<0 then '-' else '' end||(abs(a._m1)/100)||'.'||substr('00'||(abs(a._m1)%100),-2)||'"','null')||'}}'
from (
  select t1."state" as _g0,t3."name" as _g1,sum(r."quantity") as _m0,sum(t2."price") as _m1
  from "lines" r
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=?1)
  left join "products" t2 on t2."id"=r."product"
  left join "categories" t3 on t3."id"=t2."category"
  where r."order" in (
    select t4."id"
    from "orders" t4
    where t4."customer"=?1
  )
  group by _g0,_g1
) a
order by a._g0,a._g1
limit ?2
