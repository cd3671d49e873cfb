select '{"name":'||to_json(p."name")::text||
  ',"weight":'||coalesce(to_json(p."weight")::text,'null')||'}',p._k0,p._k1
from (
  select *
  from (
    select r.*,r."weight" as _k0,r."id" as _k1
    from "products" r
    where (r."weight"=$1::float8 and r."id"<$2::uuid)
    order by r."weight" desc nulls last,r."id" desc
    limit $3::int8
  ) u0
  union all select *
  from (
    select r.*,r."weight" as _k0,r."id" as _k1
    from "products" r
    where r."weight"<$1::float8
    order by r."weight" desc nulls last,r."id" desc
    limit $3::int8
  ) u1
  union all select *
  from (
    select r.*,r."weight" as _k0,r."id" as _k1
    from "products" r
    where r."weight" is null
    order by r."weight" desc nulls last,r."id" desc
    limit $3::int8
  ) u2
  order by _k0 desc nulls last,_k1 desc
  limit $3::int8
) p
order by p._k0 desc nulls last,p._k1 desc
