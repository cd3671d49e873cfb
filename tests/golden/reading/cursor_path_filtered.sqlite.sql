select concat('{"id":"',r."id",'"}'),p._k0,p._k1
from (with _few as materialized (
  select r._n as _n
  from "reviews" r
  where (r."published"=1 and r."stars">?1)
  limit 401
),_s0 as materialized (
  select r._n as _n
  from "users" w0
  left join "reviews" r on (r."author"=w0."id" and (w0."email"<?2 or r."id"<?3))
  where w0."email"<=?2
  order by w0."email" desc,r."id" desc
  limit (case when (
    select count(*)
    from _few
  )>400 then ?4 else 0 end)
),_p0 as materialized (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from _s0 c
  cross join "reviews" r on r._n=c._n
  left join "users" t1 on t1."id"=r."author"
  where ((t1."email"<=?2 and (t1."email"<?2 or r."id"<?3)) and (r."published"=1 and r."stars">?1))
  order by t1."email" desc,r."id" desc
  limit ?5
),_s1 as materialized (
  select r._n as _n
  from "reviews" r
  where r."author" is null
  order by r."id" desc
  limit (case when (
    select count(*)
    from _few
  )>400 and (
    select count(*)
    from _p0
  )<?5 and (
    select count(*)
    from _s0
  )<?4 then ?4 else 0 end)
),_p1 as materialized (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from _s1 c
  cross join "reviews" r on r._n=c._n
  left join "users" t1 on t1."id"=r."author"
  where (t1."email" is null and (r."published"=1 and r."stars">?1))
  order by t1."email" desc,r."id" desc
  limit ?5
),_all as materialized (
  select (
    select count(*)
    from _s0
  )=?4 and (
    select count(*)
    from _p0
  )<?5 or (
    select count(*)
    from _s1
  )=?4 and (
    select count(*)
    from _p0
  )+(
    select count(*)
    from _p1
  )<?5 as joined
) select * from (
  select *
  from _p0
  limit (case when not (
    select joined
    from _all
  ) then ?5 else 0 end)
) union all select * from (
  select *
  from _p1
  limit (case when not (
    select joined
    from _all
  ) then ?5 else 0 end)
) union all select * from (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from _few c
  cross join "reviews" r on r._n=c._n
  left join "users" t1 on t1."id"=r."author"
  where (((t1."email"=?2 and r."id"<?3) or t1."email"<?2 or t1."email" is null) and (r."published"=1 and r."stars">?1))
  order by t1."email" desc,r."id" desc
  limit (case when not (
    select count(*)
    from _few
  )>400 then ?5 else 0 end)
) union all select * from (
  select r._n as _n,t1."email" as _k0,r."id" as _k1
  from "reviews" r
  left join "users" t1 on t1."id"=r."author"
  where (((t1."email"=?2 and r."id"<?3) or t1."email"<?2 or t1."email" is null) and (r."published"=1 and r."stars">?1))
  order by t1."email" desc,r."id" desc
  limit (case when (
    select joined
    from _all
  ) then ?5 else 0 end)
) order by _k0 desc,_k1 desc limit ?5) p
cross join "reviews" r on r._n=p._n
order by p._k0 desc,p._k1 desc
