select concat('{"name":',json_quote(r."name"),
  ',"weight":',coalesce(json_quote(r."weight"),'null'),'}'),p._k0,p._k1
from (
  select *
  from (
    select r._n as _n,r."weight" as _k0,r."id" as _k1
    from "products" r
    where (r."weight"=?1 and r."id"<?2)
    order by r."weight" desc,r."id" desc
    limit ?3
  ) u0
  union all select *
  from (
    select r._n as _n,r."weight" as _k0,r."id" as _k1
    from "products" r
    where r."weight"<?1
    order by r."weight" desc,r."id" desc
    limit ?3
  ) u1
  union all select *
  from (
    select r._n as _n,r."weight" as _k0,r."id" as _k1
    from "products" r
    where r."weight" is null
    order by r."weight" desc,r."id" desc
    limit ?3
  ) u2
  order by _k0 desc,_k1 desc
  limit ?3
) p
cross join "products" r on r._n=p._n
order by p._k0 desc,p._k1 desc
