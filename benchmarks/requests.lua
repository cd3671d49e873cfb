-- Varied requests for wrk: every line of the file named by REQUESTS is one request,
-- "METHOD PATH" or "METHOD PATH BODY", sent in order from a place of each thread's own.
-- AUTHORIZATION, where it is set, goes with each of them. CALLERS, where it is set, names a file of
-- callers, one a line: their headers, "Name: value" with tabs between. The first request is that of
-- the first caller, the second of the second, and so on in turn.
local requests = {}
local count, position = 0, 0

function init(args)
   local token = os.getenv("AUTHORIZATION") or ""
   local callers = {}
   if os.getenv("CALLERS") then
      for line in io.lines(os.getenv("CALLERS")) do callers[#callers + 1] = line end
   end
   for line in io.lines(os.getenv("REQUESTS")) do
      local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
      local headers = {}
      if token ~= "" then headers["Authorization"] = token end
      if #callers > 0 then
         for name, value in callers[count % #callers + 1]:gmatch("([^\t:]+): ([^\t]+)") do
            headers[name] = value
         end
      end
      if body ~= "" then headers["Content-Type"] = "application/json" else body = nil end
      count = count + 1
      requests[count] = wrk.format(method, path, headers, body)
   end
   math.randomseed(os.time())
   position = math.random(count)
end

function request()
   position = position % count + 1
   return requests[position]
end

function done(summary, latency, per_request)
   local e = summary.errors
   io.write(string.format(
      "FIGURES %d %d %d %d %d %d\n", summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(95), latency:percentile(99),
      e.status + e.connect + e.read + e.write + e.timeout))
end
