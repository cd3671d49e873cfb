select concat('{"state":',json_quote(r."state"),'}'),p._k0
from (
  select r._n as _n,r."id" as _k0
  from "orders" r
  where r."customer" in (
    select t1."id"
    from "users" t1
    where t1."team"=?1
  )
  order by r."id"
  limit ?2
) p
cross join "orders" r on r._n=p._n
order by p._k0
