select '{"name":'||to_json(p."name")::text||'}',p._k0
from (
  select r.*,r."id" as _k0
  from "teams" r
  where (exists(
    select 1
    from "projects" t1
    where (t1."id" in (
      select t2."project"
      from "project_teams" t2
      where t2."team"=r."id"
    ) and exists(
      select 1
      from "project_teams" t3
      where t3."project"=t1."id" and exists(
        select 1
        from "teams" t4
        where (t4."id"=t3."team" and exists(
          select 1
          from "users" t5
          where t5."team"=t4."id" and t5."id"=$1::uuid
        ))
      )
    )) and t1."name"=$2::text collate "C"
  ) and (
    select count(*)
    from "projects" t6
    where (t6."id" in (
      select t7."project"
      from "project_teams" t7
      where t7."team"=r."id"
    ) and exists(
      select 1
      from "project_teams" t8
      where t8."project"=t6."id" and exists(
        select 1
        from "teams" t9
        where (t9."id"=t8."team" and exists(
          select 1
          from "users" t10
          where t10."team"=t9."id" and t10."id"=$1::uuid
        ))
      )
    ))
  )=$3::int8)
  order by r."id"
  limit $4::int8
) p
order by p._k0
