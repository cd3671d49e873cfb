select concat('{"name":',json_quote(r."name"),'}'),r."id"
from "products" r
where exists(
  select 1
  from "categories" t1
  where (t1."id"=r."category" and t1."name"=?1)
  limit 1
)
order by r."id"
limit ?2
