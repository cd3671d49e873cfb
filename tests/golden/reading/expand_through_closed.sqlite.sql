select concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",
  ',"plans":{"items":[],"more":false}}'),r."id"
from "teams" r
order by r."id"
limit ?1
