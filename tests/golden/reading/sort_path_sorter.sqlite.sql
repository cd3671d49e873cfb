select concat('{"name":',json_quote(r."name"),'}'),p._k0,p._k1
from (
  select r._n as _n,t1."created" as _k0,r."id" as _k1
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  where r."stock">?1
  order by t1."created",r."id"
  limit ?2
) p
cross join "products" r on r._n=p._n
order by p._k0,p._k1
