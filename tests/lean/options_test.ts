import assert from "node:assert/strict";
import { connect, serve, Status } from "../../mod.ts";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { HEADER_BYTES, REQUEST } from "../../src/lean/format/frames.ts";
import {
  HELLO_DEFAULTS,
  type HelloSettings,
  readHello,
  writeHello,
} from "../../src/lean/format/hello.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { ByteStream } from "../../src/transport/types.ts";

/** Reads the hello from a stream. */
async function helloFrom(stream: ByteStream, role: "client" | "server"): Promise<HelloSettings> {
  const bytes = new Uint8Array(1_024);
  const count = await stream.read(bytes);
  assert.ok(count !== null && count > HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const typeBytes = view.getUint16(10);
  const settings = readHello(bytes, HEADER_BYTES + typeBytes, view.getUint32(12), role);
  assert.ok(typeof settings === "object");
  return settings;
}

Deno.test("lean limits reach a server's connections", async () => {
  const limits = { callWindowBytes: 5_000, maxRoutes: 3, maxValueBytes: 20_000 };
  await using server = await serve("memory:lean-limits", () => {}, {
    limits: { ...limits, maxConcurrentStreams: 7, overheadPerSecond: undefined },
  });
  const [here, there] = memoryPair();
  server.serveConnection(there);
  const out = new ByteWriter();
  writeHello(out, REQUEST, "client", HELLO_DEFAULTS);
  await here.write(out.view());
  const hello = await helloFrom(here, "server");
  here.close();
  assert.deepEqual({ ...hello, encodings: 0 }, { ...limits, maxCalls: 7, encodings: 0 });
});

Deno.test("lean limits reach a client's connections", async () => {
  const [here, there] = memoryPair();
  await using channel = connect("memory:lean-limits-client", {
    wire: "lean",
    limits: { callWindowBytes: 6_000, maxValueBytes: 30_000 },
    dial: () => Promise.resolve(here),
  });
  const ready = channel.ready({ timeoutMs: 5_000 }).catch(() => {});
  const hello = await helloFrom(there, "client");
  assert.equal(hello.callWindowBytes, 6_000);
  assert.equal(hello.maxValueBytes, 30_000);
  there.close();
  await channel.close();
  await ready;
});

Deno.test("lean limits are enforced by lean servers and clients, and do not apply to gRPC", async () => {
  const size = 200_000;
  const configure = (router: import("../../mod.ts").Router) => {
    router.method("/size", {}, (request) => new Uint8Array([request.length / 1_000]));
    router.method("/large", {}, () => new Uint8Array(size));
  };
  const small = { maxAssemblyBytes: 100_000 };
  await using careful = await serve("127.0.0.1:0", configure, { limits: small });
  await using server = await serve("127.0.0.1:0", configure);
  const request = new Uint8Array(size);
  const exhausted = { name: "RpcError", code: Status.RESOURCE_EXHAUSTED };

  await using lean = connect(careful.addresses[0], { wire: "lean" });
  await assert.rejects(lean.call("/size", request), exhausted);
  assert.deepEqual(await lean.call("/size", request.subarray(0, 90_000)), new Uint8Array([90]));
  await using grpc = connect(careful.addresses[0]);
  assert.deepEqual(await grpc.call("/size", request), new Uint8Array([200]));

  await using client = connect(server.addresses[0], { wire: "lean", limits: small });
  await assert.rejects(client.call("/large", new Uint8Array()), exhausted);
  assert.deepEqual(await client.call("/size", request), new Uint8Array([200]));
});
