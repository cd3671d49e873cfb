select concat('{"name":',json_quote(r."name"),(case when r."available"=1 then concat(',"supplier":',coalesce(json_quote(r."supplier"),'null')) else '' end),'}'),p._k0,p._k1,p._k2
from (
  select *
  from (
    select r._n as _n,t1."name" as _k0,(case when r."available"=1 then r."supplier" end) as _k1,r."id" as _k2
    from "categories" t1
    cross join "products" r on t1."id"=r."category"
    where (t1."name"=?1 and (case when r."available"=1 then r."supplier" end) is null and r."id">?2)
    order by t1."name",(case when r."available"=1 then r."supplier" end),r."id"
    limit ?3
  ) u0
  union all select *
  from (
    select r._n as _n,t1."name" as _k0,(case when r."available"=1 then r."supplier" end) as _k1,r."id" as _k2
    from "categories" t1
    cross join "products" r on t1."id"=r."category"
    where (t1."name"=?1 and (case when r."available"=1 then r."supplier" end) is not null)
    order by t1."name",(case when r."available"=1 then r."supplier" end),r."id"
    limit ?3
  ) u1
  union all select *
  from (
    select r._n as _n,t1."name" as _k0,(case when r."available"=1 then r."supplier" end) as _k1,r."id" as _k2
    from "categories" t1
    cross join "products" r on t1."id"=r."category"
    where t1."name">?1
    order by t1."name",(case when r."available"=1 then r."supplier" end),r."id"
    limit ?3
  ) u2
  order by _k0,_k1,_k2
  limit ?3
) p
cross join "products" r on r._n=p._n
order by p._k0,p._k1,p._k2
