select concat('{"name":',json_quote(r."name"),
  ',"since":',coalesce('"'||r."since"||'"','null'),'}'),r."since",r."id"
from "products" r
where r."since">=?1
order by r."since" desc,r."id" desc
limit ?2
