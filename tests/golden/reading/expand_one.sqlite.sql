select concat('{"name":',json_quote(r."name"),
  ',"category":',coalesce((
  select concat('{"name":',json_quote(t1."name"),'}')
  from "categories" t1
  where t1."id"=r."category"
),'"'||r."category"||'"'),'}'),r."id"
from "products" r
order by r."id"
limit ?1
