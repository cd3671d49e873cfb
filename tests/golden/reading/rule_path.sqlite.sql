select concat('{"quantity":',r."quantity",'}'),p._k0
from (
  select r._n as _n,r."id" as _k0
  from "lines" r
  where r."order" in (
    select t1."id"
    from "orders" t1
    where t1."customer"=?1
  )
  order by r."id"
  limit ?2
) p
cross join "lines" r on r._n=p._n
order by p._k0
