select '{"group":{"category.name":'||coalesce(json_quote(a._g0),'null')||'},"count":'||a._c||'}'
from (
  select t1."name" as _g0,count(*) as _c
  from "_products_search" f
  cross join "products" r
  left join "categories" t1 on t1."id"=r."category"
  where "_products_search" match ?1 and r._n=f.rowid
  group by _g0
) a
order by a._g0
limit ?2
