select '{"customer":'||coalesce((
  select '{"name":'||to_json(t1."name")::text||'}'
  from "users" t1
  where t1."id"=p."customer"
),'"'||p."customer"::text||'"')||
  ',"state":'||to_json(p."state")::text||
  ',"lines":'||(
  select '{"items":['||coalesce(string_agg(t3.body,',' order by t3.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "lines" t2
    where (t2."order"=p."id" and exists(
      select 1
      from "orders" t4
      where (t4."id"=t2."order" and t4."customer"=$1::uuid)
    ))
    order by t2."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select '{"product":'||coalesce((
      select '{"name":'||to_json(t5."name")::text||
        ',"category":'||coalesce((
        select '{"name":'||to_json(t6."name")::text||'}'
        from "categories" t6
        where t6."id"=t5."category"
      ),'"'||t5."category"::text||'"')||'}'
      from "products" t5
      where t5."id"=t2."product"
    ),'"'||t2."product"::text||'"')||
      ',"quantity":'||t2."quantity"::text||'}' as body,t2."id" as key
    from "lines" t2
    where (t2."order"=p."id" and exists(
      select 1
      from "orders" t4
      where (t4."id"=t2."order" and t4."customer"=$1::uuid)
    ))
    order by t2."id"
    limit 100
  ) t3
)||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "orders" r
  where r."customer"=$1::uuid
  order by r."id"
  limit $2::int8
) p
order by p._k0
