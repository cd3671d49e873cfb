select '{"name":'||to_json(p."name")::text||(case when p."available" then ',"supplier":'||coalesce(to_json(p."supplier")::text,'null') else '' end)||'}',p._k0,p._k1,p._k2
from (
  select *
  from (
    select r.*,t1."name" as _k0,(case when r."available" then r."supplier" end) as _k1,r."id" as _k2
    from "products" r
    left join "categories" t1 on t1."id"=r."category"
    where (t1."name"=$1::text and (case when r."available" then r."supplier" end) is null and r."id">$2::uuid)
    order by t1."name",(case when r."available" then r."supplier" end) nulls first,r."id"
    limit $3::int8
  ) u0
  union all select *
  from (
    select r.*,t1."name" as _k0,(case when r."available" then r."supplier" end) as _k1,r."id" as _k2
    from "products" r
    left join "categories" t1 on t1."id"=r."category"
    where (t1."name"=$1::text and (case when r."available" then r."supplier" end) is not null)
    order by t1."name",(case when r."available" then r."supplier" end) nulls first,r."id"
    limit $3::int8
  ) u1
  union all select *
  from (
    select r.*,t1."name" as _k0,(case when r."available" then r."supplier" end) as _k1,r."id" as _k2
    from "products" r
    left join "categories" t1 on t1."id"=r."category"
    where t1."name">$1::text
    order by t1."name",(case when r."available" then r."supplier" end) nulls first,r."id"
    limit $3::int8
  ) u2
  order by _k0,_k1 nulls first,_k2
  limit $3::int8
) p
order by p._k0,p._k1 nulls first,p._k2
