select '{"id":"'||p."id"::text||'"}',p._k0,p._k1
from (
  select r.*,t1."state" as _k0,r."id" as _k1
  from "lines" r
  left join "orders" t1 on (t1."id"=r."order" and t1."customer"=$1::uuid)
  where ((t1."state" is null and r."id"<$2::uuid) and r."order" in (
    select t2."id"
    from "orders" t2
    where t2."customer"=$1::uuid
  ))
  order by t1."state" desc nulls last,r."id" desc
  limit $3::int8
) p
order by p._k0 desc nulls last,p._k1 desc
