select concat('{"name":',json_quote(r."name"),
  ',"checked":',coalesce('"'||r."checked"||'"','null'),'}'),r."id"
from "products" r
where (r."checked">?1 and (((unixepoch(substr(r."checked",1,19))*1000000+cast(substr(r."checked",21,6) as integer))+?2) between -62135596800000000 and 253402300799999999 and ((unixepoch(substr(r."checked",1,19))*1000000+cast(substr(r."checked",21,6) as integer))+?2)<(unixepoch(substr(?3,1,19))*1000000+cast(substr(?3,21,6) as integer))))
order by r."id"
limit ?4
