select '{"project":'||coalesce((
  select '{"name":'||to_json(t1."name")::text||'}'
  from "projects" t1
  where t1."id"=p."project" and exists(
    select 1
    from "project_teams" t2
    where t2."project"=t1."id" and exists(
      select 1
      from "teams" t3
      where (t3."id"=t2."team" and exists(
        select 1
        from "users" t4
        where t4."team"=t3."id" and t4."id"=$1::uuid
      ))
    )
  )
),'"'||p."project"::text||'"')||
  ',"team":'||coalesce((
  select '{"name":'||to_json(t5."name")::text||'}'
  from "teams" t5
  where t5."id"=p."team"
),'"'||p."team"::text||'"')||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "project_teams" r
  order by r."id"
  limit $2::int8
) p
order by p._k0
