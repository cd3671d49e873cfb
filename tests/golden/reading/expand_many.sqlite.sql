select concat('{"name":',json_quote(r."name"),
  ',"reviews":',(
  select '{"items":['||coalesce(group_concat(t2.body,',' order by t2.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "reviews" t1
    where (t1."product"=r."id" and (t1."published"=1 or t1."author"=?1))
    order by t1."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select concat('{"stars":',t1."stars",(case when t1."author"=?1 then concat(',"note":',coalesce(json_quote(t1."note"),'null')) else '' end),'}') as body,t1."id" as key
    from "reviews" t1
    where (t1."product"=r."id" and (t1."published"=1 or t1."author"=?1))
    order by t1."id"
    limit 100
  ) t2
),'}'),r."id"
from "products" r
order by r."id"
limit ?2
