select concat('{"name":',json_quote(r."name"),
  ',"nick":',coalesce(json_quote(r."nick"),'null'),(case when r."id"=?1 then concat(',"phone":',coalesce(json_quote(r."phone"),'null')) else '' end),'}'),r."id"
from "users" r
order by r."id"
limit ?2
