select concat('{"id":"',r."id",
  '","author":',coalesce('"'||r."author"||'"','null'),'}'),p._k0,p._k1
from (
  select r._n as _n,(case when t1."id"=?1 then t1."phone" end) as _k0,r."id" as _k1
  from "reviews" r
  left join "users" t1 on t1."id"=r."author"
  where (r."published"=1 or r."author"=?1)
  order by (case when t1."id"=?1 then t1."phone" end),r."id"
  limit ?2
) p
cross join "reviews" r on r._n=p._n
order by p._k0,p._k1
