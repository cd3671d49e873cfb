select concat('{"name":',json_quote(r."name"),
  ',"price":"',case when r."price"<0 then '-' else '' end,(abs(r."price")/100),'.',substr('00'||(abs(r."price")%100),-2),'"}'),r."id"
from "products" r
where r."price"<?1
order by r."id"
limit ?2
