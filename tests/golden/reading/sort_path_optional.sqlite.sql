select concat('{"id":"',r."id",
  '","author":',coalesce('"'||r."author"||'"','null'),'}'),p._k0,p._k1
from (with _few as materialized (
  select r._n as _n
  from "reviews" r
  where r."published"=1
  limit 401
),_s0 as materialized (
  select r._n as _n
  from "reviews" r
  where r."author" is null
  order by r."id"
  limit (case when (
    select count(*)
    from _few
  )>400 then ?1 else 0 end)
),_p0 as materialized (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from _s0 c
  cross join "reviews" r on r._n=c._n
  left join "users" t1 on t1."id"=r."author"
  where (t1."email" is null and r."published"=1)
  order by t1."email",r."id"
  limit ?2
),_s1 as materialized (
  select r._n as _n
  from "users" w0
  left join "reviews" r on r."author"=w0."id"
  where w0."email" is not null
  order by w0."email",r."id"
  limit (case when (
    select count(*)
    from _few
  )>400 and (
    select count(*)
    from _p0
  )<?2 and (
    select count(*)
    from _s0
  )<?1 then ?1 else 0 end)
),_p1 as materialized (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from _s1 c
  cross join "reviews" r on r._n=c._n
  left join "users" t1 on t1."id"=r."author"
  where (t1."email" is not null and r."published"=1)
  order by t1."email",r."id"
  limit ?2
),_all as materialized (
  select (
    select count(*)
    from _s0
  )=?1 and (
    select count(*)
    from _p0
  )<?2 or (
    select count(*)
    from _s1
  )=?1 and (
    select count(*)
    from _p0
  )+(
    select count(*)
    from _p1
  )<?2 as joined
) select * from (
  select *
  from _p0
  limit (case when not (
    select joined
    from _all
  ) then ?2 else 0 end)
) union all select * from (
  select *
  from _p1
  limit (case when not (
    select joined
    from _all
  ) then ?2 else 0 end)
) union all select * from (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from _few c
  cross join "reviews" r on r._n=c._n
  left join "users" t1 on t1."id"=r."author"
  where r."published"=1
  order by t1."email",r."id"
  limit (case when not (
    select count(*)
    from _few
  )>400 then ?2 else 0 end)
) union all select * from (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from "reviews" r
  left join "users" t1 on t1."id"=r."author"
  where r."published"=1
  order by t1."email",r."id"
  limit (case when (
    select joined
    from _all
  ) then ?2 else 0 end)
) order by _k0,_k1 limit ?2) p
cross join "reviews" r on r._n=p._n
order by p._k0,p._k1
