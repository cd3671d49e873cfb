select '{"name":'||json_quote(r."name")||
  ',"price":"'||case when r."price"<0 then '-' else '' end||(abs(r."price")/100)||'.'||substr('00'||(abs(r."price")%100),-2)||'"}',p._k0,p._k1,p._k2
from (
  select r._n as _n,t1."name" as _k0,r."price" as _k1,r."id" as _k2
  from "products" r
  left join "categories" t1 on t1."id"=r."category"
  order by t1."name" desc,r."price",r."id"
  limit ?1
) p
cross join "products" r on r._n=p._n
order by p._k0 desc,p._k1,p._k2
