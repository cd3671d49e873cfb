select concat('{"name":',json_quote(r."name"),
  ',"weight":',coalesce(json_quote(r."weight"),'null'),'}'),p._k0,p._k1
from (
  select *
  from (
    select r._n as _n,r."weight" as _k0,r."id" as _k1
    from "products" r
    where (r."weight" is null and r."id">?1)
    order by r."weight",r."id"
    limit ?2
  ) u0
  union all select *
  from (
    select r._n as _n,r."weight" as _k0,r."id" as _k1
    from "products" r
    where r."weight" is not null
    order by r."weight",r."id"
    limit ?2
  ) u1
  order by _k0,_k1
  limit ?2
) p
cross join "products" r on r._n=p._n
order by p._k0,p._k1
