select '{"name":'||to_json(p."name")::text||
  ',"price":"'||p."price"::text||'"}',p._k0,p._k1
from (
  select r.*,r."price" as _k0,r."id" as _k1
  from "products" r
  where (r._search @@ $1::tsquery and r."price"<$2::numeric)
  order by r."price" desc,r."id" desc
  limit $3::int8
) p
order by p._k0 desc,p._k1 desc

select count(*)
from "products" r
where (r._search @@ $1::tsquery and r."price"<$2::numeric)
