select '{"name":'||to_json(p."name")::text||
  ',"reviews":'||(
  select '{"items":['||coalesce(string_agg(t2.body,',' order by t2.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "reviews" t1
    where (t1."product"=p."id" and (t1."published" or t1."author"=$1::uuid))
    order by t1."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select '{"stars":'||t1."stars"::text||(case when t1."author"=$1::uuid then ',"note":'||coalesce(to_json(t1."note")::text,'null') else '' end)||'}' as body,t1."id" as key
    from "reviews" t1
    where (t1."product"=p."id" and (t1."published" or t1."author"=$1::uuid))
    order by t1."id"
    limit 100
  ) t2
)||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  order by r."id"
  limit $2::int8
) p
order by p._k0
