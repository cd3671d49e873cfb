select concat('{"name":',json_quote(r."name"),
  ',"stock":',r."stock",'}'),p._k0,p._k1,p._k2
from (
  select r._n as _n,r."stock" as _k0,r."name" as _k1,r."id" as _k2
  from "products" r
  order by r."stock",r."name" desc,r."id" desc
  limit ?1
) p
cross join "products" r on r._n=p._n
order by p._k0,p._k1 desc,p._k2 desc
