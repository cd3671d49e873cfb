select concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),'}'),r."id"
from "products" r
order by r."id"
limit ?1
