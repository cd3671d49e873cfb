select concat('{"stars":',r."stars",'}'),r."id"
from "reviews" r
where (r."published"=1 or r."author"=?1)
order by r."id"
limit ?2

select count(*)
from "reviews" r
where (r."published"=1 or r."author"=?1)
