select concat('{"name":',json_quote(r."name"),'}'),p._k0,p._k1
from (with _few as materialized (
  select r._n as _n
  from "products" r
  where r."stock">?1
  limit 401
),_s0 as materialized (
  select r._n as _n
  from "categories" w0
  left join "products" r on r."category"=w0."id"
  where w0."name" is not null
  order by w0."name",r."id"
  limit (case when (
    select count(*)
    from _few
  )>400 then ?2 else 0 end)
),_p0 as materialized (
  select r._n as _n,t1."name" as _k0,r."id" as _k1
  from _s0 c
  cross join "products" r on r._n=c._n
  left join "categories" t1 on t1."id"=r."category"
  where (t1."name" is not null and r."stock">?1)
  order by t1."name",r."id"
  limit ?3
),_all as materialized (
  select (
    select count(*)
    from _s0
  )=?2 and (
    select count(*)
    from _p0
  )<?3 as joined
) select * from (
  select *
  from _p0
  limit (case when not (
    select joined
    from _all
  ) then ?3 else 0 end)
) union all select * from (
  select r._n as _n,t1."name" as _k0,r."id" as _k1
  from _few c
  cross join "products" r on r._n=c._n
  left join "categories" t1 on t1."id"=r."category"
  where r."stock">?1
  order by t1."name",r."id"
  limit (case when not (
    select count(*)
    from _few
  )>400 then ?3 else 0 end)
) union all select * from (
  select r._n as _n,t1."name" as _k0,r."id" as _k1
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  where r."stock">?1
  order by t1."name",r."id"
  limit (case when (
    select joined
    from _all
  ) then ?3 else 0 end)
) order by _k0,_k1 limit ?3) p
cross join "products" r on r._n=p._n
order by p._k0,p._k1
