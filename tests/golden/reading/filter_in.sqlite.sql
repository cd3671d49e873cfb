select concat('{"name":',json_quote(r."name"),
  ',"size":',coalesce(json_quote(r."size"),'null'),
  ',"tags":',r."tags",'}'),r."id"
from "products" r
where (r."size" in (?1,?2) and (r."tags" is not null and exists(
  select 1
  from json_each(r."tags") t1
  where t1.value=?3
)))
order by r."id"
limit ?4
