import assert from "node:assert/strict";
import { bytesCodec, type ChannelOptions, connect } from "../../../mod.ts";
import { CONNECTION_LIMIT_RANGES } from "../../../src/limits/connection_limits.ts";
import { checkChannelOptions } from "../../../src/rpc/channel/options.ts";
import { type Edge, tryEdges } from "../../fixtures/option_edges.ts";

const MOST = 0x7fffffff;

const EDGES: readonly Edge[] = [
  ["initialBackoffMs", 1, MOST, false],
  ["maxBackoffMs", 1, MOST, false],
  ["minResolveIntervalMs", 0, Infinity, false],
  ["timeoutMs", 0, Infinity, false],
  ["maxReceiveMessageBytes", 0, Infinity, true],
  ["maxSendMessageBytes", 0, Infinity, true],
  ["connectTimeoutMs", 1, Infinity, false],
  ["idleTimeoutMs", 1, Infinity, false],
  ["keepaliveTimeMs", 1, Infinity, false],
  ["keepaliveTimeoutMs", 1, Infinity, false],
  ["maxQueuedCalls", 0, Infinity, true],
];

Deno.test("numeric options of connect() have edges", () => tryEdges(EDGES, checkChannelOptions));

Deno.test("limits of connect() have the edges of serve()'s", () => {
  tryEdges(
    Object.entries(CONNECTION_LIMIT_RANGES).map((
      [name, { least, most, whole }],
    ) => [name, least, most, whole]),
    (limits) => checkChannelOptions({ limits }),
  );
  assert.throws(() => connect("127.0.0.1:1", { limits: { callWindowBytes: NaN } }), {
    name: "RangeError",
    message: /^Cannot use limits\.callWindowBytes NaN: /,
  });
});

Deno.test("connect() refuses unknown options and names the nearest", () => {
  const wrong: [options: Record<string, unknown>, message: RegExp][] = [
    [{ timeoutMS: 5 }, /^Cannot use option timeoutMS: .* did you mean timeoutMs\?$/],
    [{ maxHeaderListBytes: 5 }, /did you mean limits\.maxHeaderListBytes\?$/],
    [{ limits: { maxHeaderListByte: 5 } }, /did you mean maxHeaderListBytes\?$/],
    [{ limits: { maxConnections: 5 } }, /limits of connect has no option of that name/],
    [{ limits: { permitPingWithoutCalls: true } }, /has no option of that name/],
    [{ reusePort: true }, /connect has no option of that name/],
    [{ lean: {} }, /connect has no option of that name/],
    [{ internals: {} }, /connect has no option of that name/],
    [{ healthCheck: { intervalMS: 5 } }, /did you mean intervalMs\?$/],
    [{ healthCheck: true }, /^Cannot use healthCheck true: it must be an object$/],
    [{ batch: { maxCall: 5 } }, /did you mean maxCalls\?$/],
    [{ poolSize: { mim: 5 } }, /did you mean min\?$/],
    [{ limits: null }, /^Cannot use limits of connect null: it must be an object$/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => connect("127.0.0.1:1", options), { name: "TypeError", message });
  }
});

Deno.test("options of health checks, batches and pools have edges", () => {
  tryEdges([
    ["intervalMs", 1, Infinity, false],
    ["timeoutMs", 1, Infinity, false],
  ], (healthCheck) => checkChannelOptions({ healthCheck }));
  tryEdges([
    ["maxCalls", 1, 65_536, true],
    ["maxBytes", 1, 1_048_576, true],
    ["maxDelayMs", 0, 60_000, false],
  ], (batch) => checkChannelOptions({ batch }));
  tryEdges([
    ["shrinkAfterMs", 1, Infinity, false],
  ], (poolSize) => checkChannelOptions({ poolSize }));
  for (const poolSize of [1, 1_024, { min: 2, max: 2 }, { max: 1_024 }]) {
    checkChannelOptions({ poolSize });
  }
  for (const poolSize of [0, 1_025, NaN, 1.5, { min: NaN }, { min: 3, max: 2 }]) {
    assert.throws(() => checkChannelOptions({ poolSize }), RangeError, JSON.stringify(poolSize));
  }
});

Deno.test("connect() throws at once for options that no connection could use", () => {
  const ranges: ChannelOptions[] = [
    { maxReceiveMessageBytes: NaN },
    { maxQueuedCalls: NaN },
    { keepaliveTimeMs: NaN },
  ];
  for (const options of ranges) {
    assert.throws(() => connect("127.0.0.1:1", options), RangeError, JSON.stringify(options));
  }
  const types: Record<string, unknown>[] = [
    { wire: "foo" },
    { wire: null },
    { tls: false },
    { tls: "yes" },
    { tls: { ca: "/etc/ca.pem" } },
    { userAgent: "a\nb" },
    { userAgent: " a" },
    { userAgent: "a " },
    { allowVersion1: "without_anything" },
    { allowVersion1: ["without_metadata", "x"] },
    { allowVersion1: 1 },
  ];
  for (const options of types) {
    assert.throws(() => connect("127.0.0.1:1", options), TypeError, JSON.stringify(options));
  }
});

Deno.test("an authority is a host, with or without a port (RFC 3986 §3.2, RFC 9113 §8.3.1)", () => {
  for (
    const authority of [
      "example.com",
      "example.com:443",
      "a_b-c.example",
      "127.0.0.1:50051",
      "[::1]:50051",
      "[fe80::1%eth0]",
      "%2Frun%2Fapp.sock",
    ]
  ) {
    checkChannelOptions({ authority });
  }
  for (
    const authority of [
      "",
      "a b",
      "a b\n",
      "a\n",
      "user@host",
      "host/path",
      "host:port",
      "[::1",
      "é",
    ]
  ) {
    assert.throws(() => checkChannelOptions({ authority }), {
      name: "TypeError",
      message: /^Cannot use authority /,
    }, JSON.stringify(authority));
  }
});

Deno.test("methods of an unknown kind are refused", async () => {
  await using channel = connect("127.0.0.1:1");
  const codecs = { requestCodec: bytesCodec, responseCodec: bytesCodec };
  assert.throws(
    () => channel.method({ path: "/a", kind: "foo" as "unary", ...codecs }),
    { name: "TypeError", message: /^Cannot use kind "foo": it must be unary, / },
  );
});

Deno.test("allowVersion1 names what calls may lose, alone or in a list", () => {
  for (
    const allowVersion1 of [
      true,
      false,
      "without_metadata",
      "without_deadlines",
      ["without_metadata", "without_deadlines"],
      [],
    ] as const
  ) {
    checkChannelOptions({ wire: "lean", allowVersion1 });
  }
});
