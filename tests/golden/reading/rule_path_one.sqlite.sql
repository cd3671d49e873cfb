select concat('{"quantity":',r."quantity",'}'),r.version
from "lines" r
where (r."id"=?1 and exists(
  select 1
  from "orders" t1
  where (t1."id"=r."order" and t1."customer"=?2)
  limit 1
))
