select '{"id":"'||p."id"::text||'"}',p._k0,p._k1
from (
  select *
  from (
    select r.*,t1."email" as _k0,r."id" as _k1
    from "reviews" r
    left join "users" t1 on t1."id"=r."author"
    where ((t1."email"=$1::text and r."id"<$2::uuid) and (r."published" and r."stars">$3::int8))
    order by t1."email" desc nulls last,r."id" desc
    limit $4::int8
  ) u0
  union all select *
  from (
    select r.*,t1."email" as _k0,r."id" as _k1
    from "reviews" r
    left join "users" t1 on t1."id"=r."author"
    where (t1."email"<$1::text and (r."published" and r."stars">$3::int8))
    order by t1."email" desc nulls last,r."id" desc
    limit $4::int8
  ) u1
  union all select *
  from (
    select r.*,t1."email" as _k0,r."id" as _k1
    from "reviews" r
    left join "users" t1 on t1."id"=r."author"
    where (t1."email" is null and (r."published" and r."stars">$3::int8))
    order by t1."email" desc nulls last,r."id" desc
    limit $4::int8
  ) u2
  order by _k0 desc nulls last,_k1 desc
  limit $4::int8
) p
order by p._k0 desc nulls last,p._k1 desc
