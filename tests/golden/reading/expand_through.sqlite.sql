select concat('{"name":',json_quote(r."name"),
  ',"plans":',(
  select '{"items":['||coalesce(group_concat(t2.body,',' order by t2.key),'')||'],"more":'||case when count(*)=100 and exists(
    select 1
    from "projects" t1
    where (t1."id" in (
      select t6."project"
      from "project_teams" t6
      where t6."team"=r."id"
    ) and exists(
      select 1
      from "project_teams" t3
      where t3."project"=t1."id" and exists(
        select 1
        from "teams" t4
        where (t4."id"=t3."team" and exists(
          select 1
          from "users" t5
          where t5."team"=t4."id" and t5."id"=?1
          limit 1
        ))
        limit 1
      )
      limit 1
    ))
    order by t1."id"
    limit 1 offset 100
  ) then 'true' else 'false' end||'}'
  from (
    select concat('{"name":',json_quote(t1."name"),
      ',"crews":',(
      select '{"items":['||coalesce(group_concat(t8.body,',' order by t8.key),'')||'],"more":'||case when count(*)=100 and exists(
        select 1
        from "teams" t7
        where t7."id" in (
          select t9."team"
          from "project_teams" t9
          where t9."project"=t1."id"
        )
        order by t7."id"
        limit 1 offset 100
      ) then 'true' else 'false' end||'}'
      from (
        select concat('{"name":',json_quote(t7."name"),'}') as body,t7."id" as key
        from "teams" t7
        where t7."id" in (
          select t9."team"
          from "project_teams" t9
          where t9."project"=t1."id"
        )
        order by t7."id"
        limit 100
      ) t8
    ),'}') as body,t1."id" as key
    from "projects" t1
    where (t1."id" in (
      select t6."project"
      from "project_teams" t6
      where t6."team"=r."id"
    ) and exists(
      select 1
      from "project_teams" t3
      where t3."project"=t1."id" and exists(
        select 1
        from "teams" t4
        where (t4."id"=t3."team" and exists(
          select 1
          from "users" t5
          where t5."team"=t4."id" and t5."id"=?1
          limit 1
        ))
        limit 1
      )
      limit 1
    ))
    order by t1."id"
    limit 100
  ) t2
),'}'),r."id"
from "teams" r
order by r."id"
limit ?2
