select concat('{"customer":"',r."customer",
  '","state":',json_quote(r."state"),'}'),r."id"
from "orders" r
where r."customer"=?1
order by r."id"
limit ?2
