select concat('{"name":',json_quote(r."name"),'}'),r."id"
from "products" r
where exists(
  select 1
  from "reviews" t1
  where (t1."product"=r."id" and t1."published"=1) and t1."stars">=?1
  limit 1
)
order by r."id"
limit ?2
