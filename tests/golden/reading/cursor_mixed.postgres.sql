select '{"name":'||to_json(p."name")::text||
  ',"price":"'||p."price"::text||'"}',p._k0,p._k1,p._k2
from (
  select *
  from (
    select r.*,r."price" as _k0,r."name" as _k1,r."id" as _k2
    from "products" r
    where (r."price"=$1::numeric and r."name"=$2::text and r."id"<$3::uuid)
    order by r."price",r."name" desc,r."id" desc
    limit $4::int8
  ) u0
  union all select *
  from (
    select r.*,r."price" as _k0,r."name" as _k1,r."id" as _k2
    from "products" r
    where (r."price"=$1::numeric and r."name"<$2::text)
    order by r."price",r."name" desc,r."id" desc
    limit $4::int8
  ) u1
  union all select *
  from (
    select r.*,r."price" as _k0,r."name" as _k1,r."id" as _k2
    from "products" r
    where r."price">$1::numeric
    order by r."price",r."name" desc,r."id" desc
    limit $4::int8
  ) u2
  order by _k0,_k1 desc,_k2 desc
  limit $4::int8
) p
order by p._k0,p._k1 desc,p._k2 desc
