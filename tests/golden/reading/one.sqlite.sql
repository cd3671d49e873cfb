select concat('{"id":"',r."id",
  '","name":',json_quote(r."name"),
  ',"created":"',r."created",
  '","updated":"',r."updated",
  '","version":',r."version",'}'),r.version
from "categories" r
where r."id"=?1
