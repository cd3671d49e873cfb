select concat('{"id":"',r."id",
  '","stars":',r."stars",'}'),p._k0,p._k1,p._k2
from (with _few as materialized (
  select r._n as _n
  from "reviews" r
  where r."published"=1
  limit 401
),_s0 as materialized (
  select r._n as _n
  from "categories" w1
  left join "products" w0 on w0."category"=w1."id"
  left join "reviews" r on r."product"=w0."id"
  where w1."name" is not null
  order by w1."name" desc,r."stars",r."id"
  limit (case when (
    select count(*)
    from _few
  )>400 then ?1 else 0 end)
),_p0 as materialized (
  select r._n as _n,t2."name" as _k0,r."stars" as _k1,r."id" as _k2
  from _s0 c
  cross join "reviews" r on r._n=c._n
  left join "products" t1 on t1."id"=r."product"
  left join "categories" t2 on t2."id"=t1."category"
  where (t2."name" is not null and r."published"=1)
  order by t2."name" desc,r."stars",r."id"
  limit ?2
),_all as materialized (
  select (
    select count(*)
    from _s0
  )=?1 and (
    select count(*)
    from _p0
  )<?2 as joined
) select * from (
  select *
  from _p0
  limit (case when not (
    select joined
    from _all
  ) then ?2 else 0 end)
) union all select * from (
  select r._n as _n,t2."name" as _k0,r."stars" as _k1,r."id" as _k2
  from _few c
  cross join "reviews" r on r._n=c._n
  left join "products" t1 on t1."id"=r."product"
  left join "categories" t2 on t2."id"=t1."category"
  where r."published"=1
  order by t2."name" desc,r."stars",r."id"
  limit (case when not (
    select count(*)
    from _few
  )>400 then ?2 else 0 end)
) union all select * from (
  select r._n as _n,t2."name" as _k0,r."stars" as _k1,r."id" as _k2
  from "reviews" r
  left join "products" t1 on t1."id"=r."product"
  left join "categories" t2 on t2."id"=t1."category"
  where r."published"=1
  order by t2."name" desc,r."stars",r."id"
  limit (case when (
    select joined
    from _all
  ) then ?2 else 0 end)
) order by _k0 desc,_k1,_k2 limit ?2) p
cross join "reviews" r on r._n=p._n
order by p._k0 desc,p._k1,p._k2
