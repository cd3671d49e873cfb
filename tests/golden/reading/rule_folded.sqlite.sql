select concat('{"state":',json_quote(r."state"),'}'),r."id"
from "orders" r
order by r."id"
limit ?1
