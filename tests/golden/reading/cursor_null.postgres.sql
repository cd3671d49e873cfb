select '{"name":'||to_json(p."name")::text||
  ',"weight":'||coalesce(to_json(p."weight")::text,'null')||'}',p._k0,p._k1
from (
  select *
  from (
    select r.*,r."weight" as _k0,r."id" as _k1
    from "products" r
    where (r."weight" is null and r."id">$1::uuid)
    order by r."weight" nulls first,r."id"
    limit $2::int8
  ) u0
  union all select *
  from (
    select r.*,r."weight" as _k0,r."id" as _k1
    from "products" r
    where r."weight" is not null
    order by r."weight" nulls first,r."id"
    limit $2::int8
  ) u1
  order by _k0 nulls first,_k1
  limit $2::int8
) p
order by p._k0 nulls first,p._k1
