import assert from "node:assert/strict";
import {
  connect,
  type LeanChannelOptions,
  type LeanServeOptions,
  serve,
  Status,
} from "../../mod.ts";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { HEADER_BYTES, REQUEST } from "../../src/lean/format/frames.ts";
import {
  HELLO_DEFAULTS,
  type HelloSettings,
  readHello,
  writeHello,
} from "../../src/lean/format/hello.ts";
import { checkLeanOptions, DEFAULT_LEAN_OPTIONS } from "../../src/lean/options.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import type { ByteStream } from "../../src/transport/types.ts";
import { type Edge, tryEdges } from "../fixtures/option_edges.ts";

const MOST = 0x7fffffff;

const EDGES: readonly Edge[] = [
  ["maxConcurrentStreams", 1, MOST, true],
  ["maxReceiveMessageBytes", 0, MOST, true],
  ["maxAssemblyBytes", 0, Infinity, true],
  ["callWindowBytes", 1_024, MOST, true],
  ["maxValueBytes", 16_384, 1_048_576, true],
  ["fragmentBytes", 512, 1_048_576, true],
  ["maxRouteBytes", 16, 65_535, true],
  ["maxRoutes", 0, 256, true],
  ["maxHeaderListBytes", 1_024, 1_048_576, true],
  ["maxHeaderFields", 16, 10_000, true],
  ["sendBufferBytes", 1, MOST, true],
  ["maxSendBufferBytes", 1, MOST, true],
  ["maxOutputBytes", 1_024, MOST, true],
  ["pauseControlFrames", 1, MOST, true],
  ["maxControlFrames", 1, MOST, true],
  ["resetBurst", 1, MOST, true],
  ["resetsPerSecond", 0, MOST, false],
  ["overheadBurst", 1, MOST, true],
  ["overheadPerSecond", 0, MOST, false],
  ["prefaceTimeoutMs", 1, Infinity, false],
  ["stallTimeoutMs", 1, Infinity, false],
  ["keepaliveTimeMs", 1, Infinity, false],
  ["keepaliveTimeoutMs", 1, Infinity, false],
  ["minPingIntervalMs", 0, Infinity, false],
  ["v1FinalMessageDelayMs", 0, Infinity, false],
  ["lingerMs", 0, Infinity, false],
  ["maxConnectionIdleMs", 1, Infinity, false],
  ["maxConnectionAgeMs", 1, Infinity, false],
  ["maxConnectionAgeGraceMs", 0, Infinity, false],
];

Deno.test("lean limits have edges, and their defaults are within them", () => {
  tryEdges(EDGES, checkLeanOptions);
  const edges = new Map(EDGES.map(([name, least, most]) => [name, [least, most]]));
  for (const [name, value] of Object.entries(DEFAULT_LEAN_OPTIONS)) {
    if (typeof value !== "number") continue;
    const [least, most] = edges.get(name)!;
    assert.ok(value >= least && value <= most, name);
  }
});

Deno.test("serve() and connect() refuse lean limits out of range", async () => {
  for (const lean of [{ maxRoutes: 257 }, { callWindowBytes: NaN }, { maxAssemblyBytes: -1 }]) {
    await assert.rejects(serve("127.0.0.1:0", () => {}, { lean }), {
      name: "RangeError",
      message: /^Cannot use lean\.max|^Cannot use lean\.callWindowBytes NaN/,
    });
    assert.throws(() => connect("127.0.0.1:1", { wire: "lean", lean }), { name: "RangeError" });
  }
  for (const lean of [null, true, "fast"]) {
    const options = { lean: lean as LeanServeOptions & LeanChannelOptions };
    await assert.rejects(serve("127.0.0.1:0", () => {}, options), { name: "TypeError" });
    assert.throws(() => connect("127.0.0.1:1", options), { name: "TypeError" });
  }
});

/** Reads a hello off a stream. */
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
    maxConcurrentStreams: 7,
    lean: { ...limits, overheadPerSecond: undefined },
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
    lean: { callWindowBytes: 6_000, maxValueBytes: 30_000 },
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

Deno.test("a lean server and a lean client refuse what goes beyond their own limits, gRPC does not", async () => {
  const size = 200_000;
  const configure = (router: import("../../mod.ts").Router) => {
    router.method("/size", {}, (request) => new Uint8Array([request.length / 1_000]));
    router.method("/large", {}, () => new Uint8Array(size));
  };
  const small = { maxAssemblyBytes: 100_000 };
  await using careful = await serve("127.0.0.1:0", configure, { lean: small });
  await using server = await serve("127.0.0.1:0", configure);
  const request = new Uint8Array(size);
  const exhausted = { name: "RpcError", code: Status.RESOURCE_EXHAUSTED };

  await using lean = connect(careful.addresses[0], { wire: "lean" });
  await assert.rejects(lean.call("/size", request), exhausted);
  assert.deepEqual(await lean.call("/size", request.subarray(0, 90_000)), new Uint8Array([90]));
  await using grpc = connect(careful.addresses[0]);
  assert.deepEqual(await grpc.call("/size", request), new Uint8Array([200]));

  await using client = connect(server.addresses[0], { wire: "lean", lean: small });
  await assert.rejects(client.call("/large", new Uint8Array()), exhausted);
  assert.deepEqual(await client.call("/size", request), new Uint8Array([200]));
});
