select concat('{"name":',json_quote(r."name"),
  ',"price":"',case when r."price"<0 then '-' else '' end,(abs(r."price")/100),'.',substr('00'||(abs(r."price")%100),-2),'"}'),r."price",r."id"
from "products" r
order by r."price" desc,r."id" desc
limit ?1
