select concat('{"name":',json_quote(r."name"),'}'),r."id"
from "projects" r
where r."id" in (
  select t1."project"
  from "project_teams" t1
  where t1."team" in (
    select t3."id"
    from "teams" t3
    where t3."id" in (
      select t2."team"
      from "users" t2
      where t2."id"=?1
    )
  )
)
order by r."id"
limit ?2
