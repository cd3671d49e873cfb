select concat('{"text":',json_quote(r."text"),
  ',"published":',case r."published" when 1 then 'true' when 0 then 'false' end,'}'),r."id"
from "reviews" r
where ((r."published"=1 or r."author"=?1) and r."author"=?1)
order by r."id"
limit ?2
