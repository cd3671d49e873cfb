select concat('{"name":',json_quote(r."name"),
  ',"price":"',case when r."price"<0 then '-' else '' end,(abs(r."price")/100),'.',substr('00'||(abs(r."price")%100),-2),'"}'),p._k0,p._k1,p._k2
from (
  select *
  from (
    select r._n as _n,r."price" as _k0,r."name" as _k1,r."id" as _k2
    from "products" r
    where (r."price"=?1 and r."name"=?2 and r."id"<?3)
    order by r."price",r."name" desc,r."id" desc
    limit ?4
  ) u0
  union all select *
  from (
    select r._n as _n,r."price" as _k0,r."name" as _k1,r."id" as _k2
    from "products" r
    where (r."price"=?1 and r."name"<?2)
    order by r."price",r."name" desc,r."id" desc
    limit ?4
  ) u1
  union all select *
  from (
    select r._n as _n,r."price" as _k0,r."name" as _k1,r."id" as _k2
    from "products" r
    where r."price">?1
    order by r."price",r."name" desc,r."id" desc
    limit ?4
  ) u2
  order by _k0,_k1 desc,_k2 desc
  limit ?4
) p
cross join "products" r on r._n=p._n
order by p._k0,p._k1 desc,p._k2 desc
