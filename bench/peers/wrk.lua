-- wrk -s wrk.lua URL -- BODY DEPTH FIELD VALUE …
-- Sends the file BODY by POST, DEPTH requests at a time on each connection.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  for i = 3, #args, 2 do wrk.headers[args[i]] = args[i + 1] end
  requests = wrk.format():rep(tonumber(args[2]))
end

function request()
  return requests
end

function done(summary)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("calls %d failed %d microseconds %d bytes %d\n",
    summary.requests, failed, summary.duration, summary.bytes))
end
