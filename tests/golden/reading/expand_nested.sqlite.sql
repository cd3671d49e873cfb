select concat('{"customer":',coalesce((
  select concat('{"name":',json_quote(t1."name"),'}')
  from "users" t1
  where t1."id"=r."customer"
),'"'||r."customer"||'"'),
  ',"state":',json_quote(r."state"),
  ',"lines":',(
  select '{"items":['||coalesce(group_concat(t3.body,',' order by t3.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "lines" t2
    where (t2."order"=r."id" and exists(
      select 1
      from "orders" t4
      where (t4."id"=t2."order" and t4."customer"=?1)
      limit 1
    ))
    order by t2."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select concat('{"product":',coalesce((
      select concat('{"name":',json_quote(t5."name"),
        ',"category":',coalesce((
        select concat('{"name":',json_quote(t6."name"),'}')
        from "categories" t6
        where t6."id"=t5."category"
      ),'"'||t5."category"||'"'),'}')
      from "products" t5
      where t5."id"=t2."product"
    ),'"'||t2."product"||'"'),
      ',"quantity":',t2."quantity",'}') as body,t2."id" as key
    from "lines" t2
    where (t2."order"=r."id" and exists(
      select 1
      from "orders" t4
      where (t4."id"=t2."order" and t4."customer"=?1)
      limit 1
    ))
    order by t2."id"
    limit 100
  ) t3
),'}'),r."id"
from "orders" r
where r."customer"=?1
order by r."id"
limit ?2
