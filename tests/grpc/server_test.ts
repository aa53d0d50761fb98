import assert from "node:assert/strict";
import { data, headers, hello } from "../http2/frames.ts";
import { Server } from "../http2/server_peer.ts";

Deno.test("GET / and POST / are answered with the server's description once the request is complete", () => {
  const server = new Server();
  const get = [[":method", "GET"], [":scheme", "http"], [":path", "/"], [
    ":authority",
    "x",
  ]] as const;
  const frames = server.send(hello(), headers(1, get, 5));
  assert.match(new TextDecoder().decode(frames.find((f) => f.type === 0)!.payload), /vrpc server/);
  assert.equal(server.calls.length, 0);
  const post = [[":method", "POST"], ...get.slice(1)] as const;
  assert(!server.send(headers(3, post)).some((f) => f.type === 1));
  assert(server.send(data(3, [1, 2, 3, 4, 5], 1)).some((f) => f.type === 1));
  assert.equal(server.engine.activeCalls, 0);
});
