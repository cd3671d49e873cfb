select '{"name":'||to_json(p."name")::text||
  ',"size":'||coalesce(to_json(p."size")::text,'null')||
  ',"tags":'||p."tags"::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "products" r
  where (r."size" in ($1::text collate "C",$2::text collate "C") and (r."tags" is not null and exists(
    select 1
    from json_array_elements_text(r."tags") as t1(value)
    where t1.value::text collate "C"=$3::text collate "C"
  )))
  order by r."id"
  limit $4::int8
) p
order by p._k0
