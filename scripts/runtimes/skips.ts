/**
 * What does not run on Node and Bun, and why. `docs/runtimes.md` shows the table.
 *
 * @module
 */

/** Runtime that runs the tests. */
export type RuntimeName = "node" | "bun";
/** Runtimes in the table: `node 20` is Node 20 alone. */
export type SkippedOn = RuntimeName | "node 20";

/** Tests that are skipped. */
export interface Skip {
  /** Path of the tests, or of a folder. */
  readonly tests: string;
  /** Pattern of the names of tests; without one, the file is not loaded, and counts as one test. */
  readonly named?: string;
  /** Pattern of the names of steps: the tests run without these. */
  readonly step?: string;
  /** Runtimes on which they are skipped. Default: both. */
  readonly on?: readonly SkippedOn[];
  /** The reason, as a sentence of the table. */
  readonly reason: string;
}

const TREE = "reads the sources or the tools of the checkout, which are the same everywhere";
const PROGRAMS = "tests programs of `cmd`, which are Deno's";
const DENO = "is about Deno alone, or runs Deno";
const DATAGRAMS = "UDP sockets of Bun have no port yet when the test's name server needs it";
const FETCH = "counts the connections of Deno's `fetch`";
const PARTS = "a large body of a `Response` of Bun comes in parts, each of which is bounded";
const STACK = "Bun's stacks of errors lack the test's frame";
const STDOUT = "nginx opens /dev/stdout, which is a socket in what Node and Bun start";
const ZSTD = "node:zlib has zstd from Node 22.15 on";
const REUSE_PORT = "Node has `reusePort` from 22.12 on";
const ERROR_EVENTS = "Node and Bun have no events for uncaught errors";
const HTTP2 = "node:http, which stands in for `Deno.serve`, has no HTTP/2 in clear text";

const HONO =
  "`@hono/node-server`, which stands in for `Deno.serve`, closes a connection with an unread body unannounced";
const HALF_CLOSE = "TLS servers of Bun on a stream lose what is sent after the peer's half-close";
const PRESSURE = "TLS of Bun on a stream reports writes as done before the stream has taken them";

/** All skipped tests. */
export const SKIPS: readonly Skip[] = [
  { tests: "tests/bench", reason: TREE },
  { tests: "tests/deploy", reason: TREE },
  { tests: "tests/documentation", reason: TREE },
  { tests: "tests/examples", reason: TREE },
  { tests: "tests/layers_test.ts", reason: TREE },
  { tests: "tests/publish_test.ts", reason: TREE },
  { tests: "tests/scripts", reason: TREE },
  { tests: "tests/structure", reason: TREE },
  { tests: "tests/browser/imports_test.ts", reason: TREE },
  { tests: "tests/campaigns", reason: "tests the campaigns, which are programs for Deno" },
  { tests: "tests/cmd", reason: PROGRAMS },
  { tests: "tests/compat/proxies/gateway_test.ts", reason: PROGRAMS },
  { tests: "tests/compat/grpc_js/generators", reason: DENO },
  { tests: "tests/runtime/deno_test.ts", reason: DENO },
  { tests: "tests/attestation/nsm_device_test.ts", reason: DENO },
  { tests: "tests/rpc/fetch/no_sockets_test.ts", reason: DENO },
  { tests: "tests/compat/command_line", reason: PROGRAMS },
  { tests: "tests/services/channelz_test.ts", reason: PROGRAMS },
  {
    tests: "tests/guest/egress/proxy_test.ts",
    reason: "the test tidies up at the event `unload`, which Deno alone has",
  },
  { tests: "tests/rpc/resolver/srv_resolver_test.ts", on: ["bun"], reason: DATAGRAMS },
  { tests: "tests/rpc/resolver/txt_config_test.ts", on: ["bun"], reason: DATAGRAMS },
  { tests: "tests/telemetry/otlp_test.ts", reason: DENO },
  { tests: "tests/compat/grpc_js/grpc_js_test.ts", reason: DENO },
  { tests: "tests/transport/key_log_test.ts", reason: DENO },
  { tests: "tests/transport/listen_test.ts", named: "Deno's unstable flags", reason: DENO },
  { tests: "tests/transport/socket_file_test.ts", named: "^Deno\\.exit", reason: DENO },
  { tests: "tests/transport/tls_test.ts", named: "^the runtime's TLS verifies", reason: DENO },
  { tests: "tests/transport/failure_test.ts", named: "errors of the runtime", reason: DENO },
  {
    tests: "tests/transport/tls_test.ts",
    named: "over memory: (a client with an invalid certificate|no certificate is accepted)",
    on: ["node"],
    reason: "the reset of a memory stream overtakes the alert that node:tls sends before it",
  },
  {
    tests: "tests/rpc/server/http1_calls_test.ts",
    named: "serves call after call",
    reason: FETCH,
  },
  { tests: "tests/rpc/http/server_test.ts", named: "being whole", on: ["bun"], reason: PARTS },
  { tests: "tests/rpc/http/response_test.ts", named: "^a large", on: ["bun"], reason: PARTS },
  {
    tests: "tests/rpc/workers/pool_test.ts",
    named: "ends by /close",
    on: ["bun"],
    reason: "Workers of Bun have no `close`",
  },
  {
    tests: "tests/rpc/client/call_error_test.ts",
    named: "^failures that no server answered|who made it",
    on: ["bun"],
    reason: STACK,
  },
  {
    tests: "tests/rpc/http/server_test.ts",
    named: "answers fetch, with a date",
    reason: FETCH,
  },
  {
    tests: "tests/rpc/server/http1_calls_test.ts",
    named: "^TLS negotiates",
    reason: "`fetch` there prefers HTTP/1.1; the conformance suites test both by TLS",
  },
  {
    tests: "tests/calls/calls_test.ts",
    named: "^calls: (connect|grpc-web) to a handler of Deno.serve",
    reason: HTTP2,
  },
  {
    tests: "tests/rpc/channel/web_wires_test.ts",
    named: ": HTTP/2$",
    reason: HTTP2,
  },
  {
    tests: "tests/rpc/channel/web_wires_test.ts",
    named: "^RFC 9112 §9.6",
    reason: "needs `Deno.listenTls`",
  },
  { tests: "tests/compat/vsock/guest_test.ts", reason: "repeats tests in a guest of QEMU" },
  { tests: "tests/services/signer_test.ts", named: "^chooseCryptoBackend.. falls", reason: DENO },
  {
    tests: "tests/web/client/connect_unary_call_test.ts",
    named: "^Connect, Unary-Request: the bare",
    on: ["node 20"],
    reason: ZSTD,
  },
  {
    tests: "tests/web/client/stream_call_test.ts",
    named: "^Connect, Streaming-Request|^gRPC-Web, requests",
    on: ["node 20"],
    reason: ZSTD,
  },
  {
    tests: "tests/rpc/core/abort_test.ts",
    named: "derived signal|outside of the abort",
    reason: ERROR_EVENTS,
  },
  {
    tests: "tests/grpc_js/client_test.ts",
    named: "^what a callback throws",
    reason: "the test prevents an uncaught error by an event, as only Deno can",
  },
  {
    tests: "tests/grpc_js/client_test.ts",
    named: "the caller's stack",
    on: ["bun"],
    reason: STACK,
  },
  {
    tests: "tests/browser/channel_test.ts",
    named: "the caller's stack",
    on: ["bun"],
    reason: STACK,
  },
  {
    tests: "tests/transport/tls_suite_test.ts",
    named: "half-close: |^(mutual )?tls inside (unix|memory): large data",
    on: ["bun"],
    reason: HALF_CLOSE,
  },
  {
    tests: "tests/transport/tls_client_test.ts",
    named: "takes no more than it reads",
    on: ["bun"],
    reason: PRESSURE,
  },
  {
    tests: "tests/transport/tls_suite_test.ts",
    named:
      "^(mutual )?tls inside (unix|memory): (close: (wakes a pending write|the stream is released)|backpressure)",
    on: ["bun"],
    reason: PRESSURE,
  },
  { tests: "tests/call/encodings_test.ts", named: "^names of", on: ["node 20"], reason: ZSTD },
  {
    tests: "tests/codec/inflate_test.ts",
    named: "^lengths are declared|^zstd: 4 MiB",
    on: ["node 20"],
    reason: ZSTD,
  },
  {
    tests: "tests/compat/proxies/smuggling_test.ts",
    named: "smuggled: nginx",
    reason: STDOUT,
  },
  { tests: "tests/codec/zstd_test.ts", on: ["node 20"], reason: ZSTD },
  {
    tests: "tests/rpc/dispatch/inflate_request_test.ts",
    named: " zstd request ",
    on: ["node 20"],
    reason: ZSTD,
  },
  {
    tests: "tests/calls/calls_test.ts",
    named: "HTTP/1.1 to a handler of Deno.serve",
    step: "^limits: a request past the server's",
    reason: HONO,
  },
  {
    tests: "tests/calls/calls_test.ts",
    named: "HTTP/1.1 over m?tls",
    step: "^backpressure: a slow reader",
    on: ["bun"],
    reason: PRESSURE,
  },
  {
    tests: "tests/calls/calls_test.ts",
    named: "HTTP/1.1 over tls in unix",
    step: "^backpressure: a handler that reads nothing",
    on: ["bun"],
    reason: PRESSURE,
  },
  {
    tests: "tests/rpc/core/encodings_option_test.ts",
    named: "check encodings",
    on: ["node 20"],
    reason: ZSTD,
  },
  {
    tests: "tests/transport/listen_test.ts",
    named: "reusePort shares",
    on: ["node 20"],
    reason: REUSE_PORT,
  },
  {
    tests: "tests/rpc/server/restart_test.ts",
    named: "with reusePort",
    on: ["node 20"],
    reason: REUSE_PORT,
  },
  {
    tests: "tests/transport/trust_bundles_test.ts",
    named: "another domain's authorities is not resumed",
    on: ["bun"],
    reason:
      "Bun does not tell the certificate of a resumed session; the server refuses it as without one",
  },
  {
    tests: "tests/transport/client_certificates_test.ts",
    named: "^a session is resumed only",
    reason: "a server of Node does not resume the sessions of another",
  },
  {
    tests: "tests/transport/client_certificates_test.ts",
    named: "without its key",
    reason: "node:tls does not let the test's client use a key that is not the certificate's",
  },
];

const SHOWN: Readonly<Record<SkippedOn, string>> = {
  node: "Node",
  "node 20": "Node 20",
  bun: "Bun",
};

const EVERYWHERE: readonly SkippedOn[] = ["node", "bun"];

/** Returns the table as `docs/runtimes.md` shows it: a row for each reason and its runtimes. */
export function skipTable(): string {
  const rows = new Map<string, string[]>();
  for (const { tests, named, on = EVERYWHERE, reason } of SKIPS) {
    const where = on.map((name) => SHOWN[name]).join(", ");
    const key = `${where} | ${reason}`;
    rows.set(key, [
      ...rows.get(key) ?? [],
      `\`${tests}\`${named === undefined ? "" : " (in part)"}`,
    ]);
  }
  const lines = [...rows].map(([key, tests]) => `| ${key} | ${[...new Set(tests)].join(", ")} |`);
  return ["| on | why | tests |", "| -- | --- | ----- |", ...lines].join("\n");
}
