select concat('{"name":',json_quote(r."name"),(case when r."available"=1 then concat(',"supplier":',coalesce(json_quote(r."supplier"),'null')) else '' end),'}'),p._k0,p._k1
from (
  select r._n as _n,(case when r."available"=1 then r."supplier" end) as _k0,r."id" as _k1
  from "products" r
  order by (case when r."available"=1 then r."supplier" end) desc,r."id" desc
  limit ?1
) p
cross join "products" r on r._n=p._n
order by p._k0 desc,p._k1 desc
