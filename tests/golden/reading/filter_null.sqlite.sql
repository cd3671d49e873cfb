select concat('{"name":',json_quote(r."name"),
  ',"about":',coalesce(json_quote(r."about"),'null'),
  ',"weight":',coalesce(json_quote(r."weight"),'null'),'}'),r."id"
from "products" r
where (r."about" is null or r."weight"<?1)
order by r."id"
limit ?2
