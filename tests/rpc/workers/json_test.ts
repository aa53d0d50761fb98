/** Calls with JSON messages of methods that run in workers. */

import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { WorkerPool } from "../../../src/rpc/workers/pool.ts";
import { configure } from "./pool_worker.ts";

const ECHO = "/vrpc.echo.v1.EchoService/Echo";

Deno.test("JSON messages of gRPC and Connect reach a method in a worker, and so do protobuf's", async () => {
  const pool = new WorkerPool({
    create: () => new Worker(new URL("./pool_worker.ts", import.meta.url), { type: "module" }),
    methods: [ECHO],
    workers: 1,
    init: "worker",
  });
  await using server = await serve("127.0.0.1:0", (router) => configure(router, "main"), {
    dispatcher: pool.dispatcher,
    web: true,
  });
  const response = await fetch(`http://${server.addresses[0]}${ECHO}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"payload":"AQI="}',
  });
  assert.deepEqual(await response.json(), { payload: "AQIB" });
  for (const codec of ["proto", "json"] as const) {
    await using channel = connect(server.addresses[0], { codec });
    const reply = await channel.client(EchoService).echo({ payload: Uint8Array.of(1, 2) });
    assert.deepEqual([...reply.payload], [1, 2, 1], codec);
  }
});
