select concat('{"name":',json_quote(r."name"),
  ',"weight":',coalesce(json_quote(r."weight"),'null'),'}'),r."id"
from "products" r
where r."weight">=?1
order by r."id"
limit ?2
