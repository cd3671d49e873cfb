select '{"name":'||to_json(p."name")::text||
  ',"price":"'||p."price"::text||'"}',p._k0,p._k1
from (
  select r.*,r."price" as _k0,r."id" as _k1
  from "products" r
  where ((r."price"<=$1::numeric and (r."price",r."id")<($1::numeric,$2::uuid)) and r."price"<$3::numeric)
  order by r."price" desc,r."id" desc
  limit $4::int8
) p
order by p._k0 desc,p._k1 desc
