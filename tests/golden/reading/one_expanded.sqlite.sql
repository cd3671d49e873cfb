select concat('{"name":',json_quote(r."name"),
  ',"products":',(
  select '{"items":['||coalesce(group_concat(t2.body,',' order by t2.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "products" t1
    where t1."category"=r."id"
    order by t1."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select concat('{"name":',json_quote(t1."name"),
      ',"price":"',case when t1."price"<0 then '-' else '' end,(abs(t1."price")/100),'.',substr('00'||(abs(t1."price")%100),-2),'"}') as body,t1."id" as key
    from "products" t1
    where t1."category"=r."id"
    order by t1."id"
    limit 100
  ) t2
),'}'),r.version
from "categories" r
where r."id"=?1
