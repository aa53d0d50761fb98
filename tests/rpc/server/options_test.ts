import assert from "node:assert/strict";
import { serve, type ServeOptions } from "../../../mod.ts";
import { DEFAULT_HTTP2_OPTIONS } from "../../../src/http2/options.ts";
import { DEFAULT_LEAN_OPTIONS } from "../../../src/lean/options.ts";
import { SERVER_LIMIT_RANGES } from "../../../src/limits/connection_limits.ts";
import {
  checkServeOptions,
  connectionSettings,
  SERVER_LIMIT_DEFAULTS,
} from "../../../src/rpc/server/options.ts";
import { type Edge, tryEdges } from "../../fixtures/option_edges.ts";

const MOST = 0x7fffffff;

const EDGES: readonly Edge[] = [
  ["keepaliveTimeMs", 1, Infinity, false],
  ["keepaliveTimeoutMs", 1, Infinity, false],
  ["maxConnectionIdleMs", 1, Infinity, false],
  ["maxConnectionAgeMs", 1, Infinity, false],
  ["maxConnectionAgeGraceMs", 0, Infinity, false],
  ["maxReceiveMessageBytes", 1, MOST, true],
];

const LIMIT_EDGES: readonly Edge[] = [
  ["maxConcurrentStreams", 1, MOST, true],
  ["initialWindowBytes", 1, MOST, true],
  ["connectionWindowBytes", 65_535, MOST, true],
  ["maxWindowBytes", 65_535, MOST, true],
  ["maxPausedBytes", 0, MOST, true],
  ["maxHeaderListBytes", 1_024, 1_048_576, true],
  ["maxHeaderFields", 16, 10_000, true],
  ["maxFrameBytes", 16_384, 16_777_215, true],
  ["headerTableBytes", 0, 65_536, true],
  ["maxContinuationFrames", 0, 10_000, true],
  ["pauseControlFrames", 1, MOST, true],
  ["maxControlFrames", 1, MOST, true],
  ["resetBurst", 1, MOST, true],
  ["resetsPerSecond", 0, MOST, false],
  ["overheadBurst", 1, MOST, true],
  ["overheadPerSecond", 0, MOST, false],
  ["prefaceTimeoutMs", 1, Infinity, false],
  ["settingsTimeoutMs", 1, Infinity, false],
  ["stallTimeoutMs", 1, Infinity, false],
  ["sendBufferBytes", 1, MOST, true],
  ["maxSendBufferBytes", 1, MOST, true],
  ["maxOutputBytes", 1_024, MOST, true],
  ["minPingIntervalMs", 0, Infinity, false],
  ["maxAssemblyBytes", 0, Infinity, true],
  ["callWindowBytes", 1_024, MOST, true],
  ["maxValueBytes", 16_384, 1_048_576, true],
  ["fragmentBytes", 512, 1_048_576, true],
  ["maxRouteBytes", 16, 65_535, true],
  ["maxRoutes", 0, 256, true],
  ["v1FinalMessageDelayMs", 0, Infinity, false],
  ["lingerMs", 0, Infinity, false],
  ["maxConnections", 1, Infinity, true],
  ["maxBufferedBytes", 1, Infinity, true],
];

Deno.test("numeric options of serve() have edges", () => tryEdges(EDGES, checkServeOptions));

Deno.test("limits of serve() have edges, and their defaults are within them", () => {
  tryEdges(LIMIT_EDGES, (limits) => checkServeOptions({ limits }));
  assert.deepEqual(
    LIMIT_EDGES.map(([name]) => name).sort(),
    Object.keys(SERVER_LIMIT_RANGES).sort(),
  );
  const edges = new Map(LIMIT_EDGES.map(([name, least, most]) => [name, [least, most]]));
  for (const [name, value] of Object.entries(SERVER_LIMIT_DEFAULTS)) {
    if (typeof value !== "number") continue;
    const [least, most] = edges.get(name)!;
    assert.ok(value >= least && value <= most, name);
  }
});

Deno.test("serve() refuses limits out of range before it listens", async () => {
  const wrong: ServeOptions[] = [
    { maxConnectionAgeMs: -5 },
    { limits: { maxContinuationFrames: NaN } },
    { limits: { resetBurst: NaN } },
    { limits: { maxControlFrames: -1 } },
    { limits: { maxConcurrentStreams: 2.5 } },
    { limits: { maxRoutes: 257 } },
  ];
  for (const options of wrong) {
    await assert.rejects(
      serve("127.0.0.1:0", () => assert.fail("the options come first"), options),
      { name: "RangeError" },
    );
  }
  assert.throws(() => checkServeOptions({ limits: { maxRoutes: 257 } }), {
    message: "Cannot use limits.maxRoutes 257: it must be a whole number, 0 to 256",
  });
});

Deno.test("serve() refuses unknown options and names the nearest", async () => {
  const wrong: [options: Record<string, unknown>, message: RegExp][] = [
    [{ compres: true }, /^Cannot use option compres: .* did you mean compress\?$/],
    [{ maxConnections: 5 }, /did you mean limits\.maxConnections\?$/],
    [{ limits: { maxConections: 5 } }, /did you mean maxConnections\?$/],
    [{ limits: { compress: true } }, /did you mean compress\?$/],
    [{ keepaliveWithoutCalls: true }, /serve has no option of that name/],
    [{ poolSize: 5 }, /serve has no option of that name/],
    [{ lean: {} }, /serve has no option of that name/],
    [{ limits: null }, /^Cannot use limits of serve null: it must be an object$/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(serve("127.0.0.1:0", () => {}, options), { name: "TypeError", message });
  }
});

Deno.test("serve() refuses allowVsockCids that can't mean what they say", () => {
  const wrong: unknown[] = [null, "", "13", 3, new Set([3]), ["3"], [-1], [1.5], [2 ** 32 - 1]];
  for (const allowVsockCids of wrong) {
    const options = { allowVsockCids } as never;
    assert.throws(() => checkServeOptions(options), {
      name: "TypeError",
      message: /^Cannot use allowVsockCids .*: it must be a list of integers from 0 to 4294967294$/,
    });
  }
  for (const allowVsockCids of [undefined, [], [0, 3, 2 ** 32 - 2]]) {
    checkServeOptions({ allowVsockCids });
  }
});

Deno.test("both wires have the same default where both have a limit", () => {
  const lean: Record<string, unknown> = { ...DEFAULT_LEAN_OPTIONS };
  for (const [name, value] of Object.entries(DEFAULT_HTTP2_OPTIONS)) {
    if (name in lean) assert.equal(lean[name], value, name);
  }
});

Deno.test("limits reach the engines flat, with one bound for all buffers", () => {
  const settings = connectionSettings({
    maxReceiveMessageBytes: 7,
    keepaliveTimeMs: 8,
    limits: { maxRoutes: 1, resetBurst: 9, maxBufferedBytes: 1_000, prefaceTimeoutMs: 50 },
  });
  assert.equal(settings.memory.limitBytes, 1_000);
  assert.equal(settings.prefaceTimeoutMs, 50);
  assert.equal(settings.maxConnections, 16_384);
  const { memory, maxRoutes, resetBurst, maxReceiveMessageBytes, keepaliveTimeMs } =
    settings.engine;
  assert.equal(memory, settings.memory);
  assert.deepEqual([maxRoutes, resetBurst, maxReceiveMessageBytes, keepaliveTimeMs], [1, 9, 7, 8]);
});
