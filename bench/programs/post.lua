-- wrk -t4 -c100 -d30s -s bench/programs/post.lua http://127.0.0.1:1323/echo
wrk.method = "POST"
wrk.body = '{"xid":"hello"}'
wrk.headers["content-type"] = "application/json"
