select concat('{"id":"',r."id",'"}'),p._k0,p._k1
from (with _few as materialized (
  select r._n as _n
  from "lines" r
  where r."order" in (
    select t2."id"
    from "orders" t2
    where t2."customer"=?1
  )
  limit 401
),_s0 as materialized (
  select r._n as _n
  from "orders" w0
  left join "lines" r on r."order"=w0."id"
  where w0."state" is not null
  order by w0."state" desc,r."id" desc
  limit (case when (
    select count(*)
    from _few
  )>400 then ?2 else 0 end)
),_p0 as materialized (
  select r._n as _n,t1."state" as _k0,r."id" as _k1
  from _s0 c
  cross join "lines" r on r._n=c._n
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=?1)
  where (t1."state" is not null and exists(
    select 1
    from "orders" t3
    where (t3."id"=r."order" and t3."customer"=?1)
    limit 1
  ))
  order by t1."state" desc,r."id" desc
  limit ?3
),_s1 as materialized (
  select r._n as _n
  from "lines" r
  order by r."id" desc
  limit (case when (
    select count(*)
    from _few
  )>400 and (
    select count(*)
    from _p0
  )<?3 and (
    select count(*)
    from _s0
  )<?2 then ?2 else 0 end)
),_w1 as materialized (
  select r._n as _n,t1."state" as _k0,r."id" as _k1
  from _s1 c
  cross join "lines" r on r._n=c._n
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=?1)
  where (t1."state" is null and exists(
    select 1
    from "orders" t3
    where (t3."id"=r."order" and t3."customer"=?1)
    limit 1
  ))
  order by t1."state" desc,r."id" desc
  limit ?3
),_h1 as materialized (
  select _n
  from (
    select r._n as _n
    from "lines" r
    where r."order" is null
    union all select r._n
    from "orders" t4
    cross join "lines" r on r."order"=t4."id"
    where (case when t4."customer"=?1 then t4."state" end) is null
  )
  limit (case when (
    select count(*)
    from _s1
  )=?2 and (
    select count(*)
    from _p0
  )+(
    select count(*)
    from _w1
  )<?3 then -1 else 0 end)
),_p1 as materialized (
  select *
  from (
    select *
    from _w1
    limit (case when not ((
      select count(*)
      from _s1
    )=?2 and (
      select count(*)
      from _p0
    )+(
      select count(*)
      from _w1
    )<?3) then ?3 else 0 end)
  )
  union all select *
  from (
    select r._n as _n,t1."state" as _k0,r."id" as _k1
    from _h1 c
    cross join "lines" r on r._n=c._n
    left join "orders" t1 on (t1."id"=r."order" and t1."customer"=?1)
    where (t1."state" is null and exists(
      select 1
      from "orders" t3
      where (t3."id"=r."order" and t3."customer"=?1)
      limit 1
    ))
    order by t1."state" desc,r."id" desc
    limit ?3
  )
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
  select *
  from _p1
  limit (case when not (
    select joined
    from _all
  ) then ?3 else 0 end)
) union all select * from (
  select r._n as _n,t1."state" as _k0,r."id" as _k1
  from _few c
  cross join "lines" r on r._n=c._n
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=?1)
  where exists(
    select 1
    from "orders" t3
    where (t3."id"=r."order" and t3."customer"=?1)
    limit 1
  )
  order by t1."state" desc,r."id" desc
  limit (case when not (
    select count(*)
    from _few
  )>400 then ?3 else 0 end)
) union all select * from (
  select r._n as _n,t1."state" as _k0,r."id" as _k1
  from "lines" r
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=?1)
  where r."order" in (
    select t2."id"
    from "orders" t2
    where t2."customer"=?1
  )
  order by t1."state" desc,r."id" desc
  limit (case when (
    select joined
    from _all
  ) then ?3 else 0 end)
) order by _k0 desc,_k1 desc limit ?3) p
cross join "lines" r on r._n=p._n
order by p._k0 desc,p._k1 desc
