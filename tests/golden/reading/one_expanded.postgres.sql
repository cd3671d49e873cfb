select '{"name":'||to_json(r."name")::text||
  ',"products":'||(
  select '{"items":['||coalesce(string_agg(t2.body,',' order by t2.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "products" t1
    where t1."category"=r."id"
    order by t1."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select '{"name":'||to_json(t1."name")::text||
      ',"price":"'||t1."price"::text||'"}' as body,t1."id" as key
    from "products" t1
    where t1."category"=r."id"
    order by t1."id"
    limit 100
  ) t2
)||'}',r.version
from "categories" r
where r."id"=$1::uuid
