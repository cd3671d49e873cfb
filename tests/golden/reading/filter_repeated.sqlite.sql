select concat('{"name":',json_quote(r."name"),'}'),r."id"
from "products" r
where (r."price"<?1 and r."available"=1 and r."stock">=?2)
order by r."id"
limit ?3
