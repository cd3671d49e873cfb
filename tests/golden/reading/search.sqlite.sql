select concat('{"name":',json_quote(r."name"),
  ',"about":',coalesce(json_quote(r."about"),'null'),'}'),p._k0
from (
  select r._n as _n,r."id" as _k0
  from "_products_search" f
  cross join "products" r
  where "_products_search" match ?1 and r._n=f.rowid
  order by r."id"
  limit ?2
) p
cross join "products" r on r._n=p._n
order by p._k0
