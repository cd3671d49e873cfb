select concat('{"id":"',r."id",'"}'),p._k0,p._k1
from (
  select r._n as _n,t1."price" as _k0,r."id" as _k1
  from "reviews" r
  left join "products" t1 on t1."id"=r."product"
  where ((t1."price"<=?1 and (t1."price",r."id")<(?1,?2)) and (r."published"=1 and r."stars">?3))
  order by t1."price" desc,r."id" desc
  limit ?4
) p
cross join "reviews" r on r._n=p._n
order by p._k0 desc,p._k1 desc
