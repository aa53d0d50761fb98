/** A handler of the Fetch API as a route of Hono, behind `Deno.serve`. */

import assert from "node:assert/strict";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Hono } from "hono";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { fetchHandler } from "../../../src/rpc/fetch/mod.ts";
import { text } from "../../fixtures/bytes.ts";

Deno.test("connect-node calls a handler behind Hono, by Connect and by gRPC-Web", async () => {
  await using rpc = fetchHandler((router) => {
    router.service(Echo, {
      unary: (request) => request,
      *chunks({ count, size }) {
        for (let i = 0; i < count; i++) yield { payload: new Uint8Array(size) };
      },
    });
  }, { pathPrefix: "/rpc" });
  const app = new Hono();
  app.get("/", (c) => c.text("home"));
  app.all("/rpc/*", (c) => rpc(c.req.raw));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => app.fetch(request),
  );
  const origin = `http://127.0.0.1:${server.addr.port}`;
  assert.equal(await (await fetch(origin)).text(), "home");
  const options = { baseUrl: `${origin}/rpc`, httpVersion: "1.1" } as const;
  for (const transport of [createConnectTransport(options), createGrpcWebTransport(options)]) {
    const client = createClient(Echo, transport);
    assert.deepEqual((await client.unary({ payload: text("hi") })).payload, text("hi"));
    let bytes = 0;
    for await (const { payload } of client.chunks({ count: 3, size: 100_000 })) {
      bytes += payload.length;
    }
    assert.equal(bytes, 300_000);
  }
});
