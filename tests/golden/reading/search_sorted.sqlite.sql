select concat('{"name":',json_quote(r."name"),
  ',"price":"',case when r."price"<0 then '-' else '' end,(abs(r."price")/100),'.',substr('00'||(abs(r."price")%100),-2),'"}'),p._k0,p._k1
from (
  select r._n as _n,r."price" as _k0,r."id" as _k1
  from "_products_search" f
  cross join "products" r
  where ("_products_search" match ?1 and r._n=f.rowid and r."price"<?2)
  order by r."price" desc,r."id" desc
  limit ?3
) p
cross join "products" r on r._n=p._n
order by p._k0 desc,p._k1 desc

select count(*)
from "_products_search" f
cross join "products" r
where ("_products_search" match ?1 and r._n=f.rowid and r."price"<?2)
