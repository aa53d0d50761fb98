import assert from "node:assert/strict";
import { serve, type ServeOptions } from "../../../mod.ts";
import { DEFAULT_HTTP2_OPTIONS } from "../../../src/http2/options.ts";
import { DEFAULT_LEAN_OPTIONS } from "../../../src/lean/options.ts";
import { checkServeOptions, leanServerOptions } from "../../../src/rpc/server/options.ts";
import { type Edge, tryEdges } from "../../fixtures/option_edges.ts";

const MOST = 0x7fffffff;

const EDGES: readonly Edge[] = [
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
  ["keepaliveTimeMs", 1, Infinity, false],
  ["keepaliveTimeoutMs", 1, Infinity, false],
  ["minPingIntervalMs", 0, Infinity, false],
  ["maxConnectionIdleMs", 1, Infinity, false],
  ["maxConnectionAgeMs", 1, Infinity, false],
  ["maxConnectionAgeGraceMs", 0, Infinity, false],
  ["maxReceiveMessageBytes", 1, MOST, true],
  ["maxConnections", 1, Infinity, true],
  ["maxBufferedBytes", 1, Infinity, true],
];

Deno.test("limits of a server have edges", () => tryEdges(EDGES, checkServeOptions));

Deno.test("every limit of HTTP/2 has edges, and its default is within them", () => {
  const edges = new Map(EDGES.map(([name, least, most]) => [name, [least, most]]));
  for (const [name, value] of Object.entries(DEFAULT_HTTP2_OPTIONS)) {
    if (typeof value !== "number") continue;
    const [least, most] = edges.get(name)!;
    assert.ok(value >= least && value <= most, name);
  }
});

Deno.test("serve() refuses limits out of range before it listens", async () => {
  const wrong: ServeOptions[] = [
    { maxContinuationFrames: NaN },
    { resetBurst: NaN },
    { maxControlFrames: -1 },
    { maxConcurrentStreams: 2.5 },
    { maxConnectionAgeMs: -5 },
  ];
  for (const options of wrong) {
    await assert.rejects(
      serve("127.0.0.1:0", () => assert.fail("the options come first"), options),
      { name: "RangeError" },
    );
  }
});

Deno.test("what is said of lean alone goes before what is said of both wires, if it is said", () => {
  const given = leanServerOptions({
    maxOutputBytes: 2_000,
    overheadPerSecond: 5,
    resetBurst: 9,
    lean: { maxOutputBytes: 3_000, overheadPerSecond: undefined, maxRoutes: 1 },
  });
  assert.deepEqual(given, {
    maxOutputBytes: 3_000,
    overheadPerSecond: 5,
    resetBurst: 9,
    maxRoutes: 1,
  });
});

Deno.test("two defaults differ between the wires, as their docs say", () => {
  const names = Object.keys(DEFAULT_HTTP2_OPTIONS) as (keyof typeof DEFAULT_HTTP2_OPTIONS)[];
  const differ = names.filter((name) =>
    name in DEFAULT_LEAN_OPTIONS &&
    DEFAULT_LEAN_OPTIONS[name as keyof typeof DEFAULT_LEAN_OPTIONS] !== DEFAULT_HTTP2_OPTIONS[name]
  );
  assert.deepEqual(differ.sort(), ["maxOutputBytes", "overheadPerSecond"]);
});
