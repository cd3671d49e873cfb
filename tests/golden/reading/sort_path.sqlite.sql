select concat('{"name":',json_quote(r."name"),
  ',"price":"',case when r."price"<0 then '-' else '' end,(abs(r."price")/100),'.',substr('00'||(abs(r."price")%100),-2),'"}'),t1."name",r."price",r."id"
from "categories" t1
cross join "products" r on t1."id"=r."category"
order by t1."name" desc,r."price",r."id"
limit ?1
