select concat('{"project":',coalesce((
  select concat('{"name":',json_quote(t1."name"),'}')
  from "projects" t1
  where t1."id"=r."project" and exists(
    select 1
    from "project_teams" t2
    where t2."project"=t1."id" and exists(
      select 1
      from "teams" t3
      where (t3."id"=t2."team" and exists(
        select 1
        from "users" t4
        where t4."team"=t3."id" and t4."id"=?1
        limit 1
      ))
      limit 1
    )
    limit 1
  )
),'"'||r."project"||'"'),
  ',"team":',coalesce((
  select concat('{"name":',json_quote(t5."name"),'}')
  from "teams" t5
  where t5."id"=r."team"
),'"'||r."team"||'"'),'}'),r."id"
from "project_teams" r
order by r."id"
limit ?2
