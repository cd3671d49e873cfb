select concat('{"name":',json_quote(r."name"),'}'),r."id"
from "products" r
where (substr(lower(r."name"),1,length(?1))=?1 or instr(r."about",?2)>0)
order by r."id"
limit ?3
