select concat('{"name":',json_quote(r."name"),(case when r."available"=1 then concat(',"supplier":',coalesce(json_quote(r."supplier"),'null')) else '' end),'}'),r."id"
from "products" r
where (case when r."available"=1 then r."supplier" end) is not null
order by r."id"
limit ?1
