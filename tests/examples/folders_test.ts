// Every folder of examples/ runs with one command, ends by itself and prints what it is there to show.

import assert from "node:assert/strict";
import { join } from "node:path";
import { runProgram } from "../fixtures/run_program.ts";

const EXAMPLES = join(import.meta.dirname!, "../../examples");

/** Lines that a program prints, in order. */
type Lines = readonly (string | RegExp)[];

const EXPECTED: Readonly<Record<string, Lines>> = {
  attestation: [
    "image 5f5f: a key of 32 bytes from module-1",
    /^image a0a0: Cannot connect to 127\.0\.0\.1:\d+: it runs image 5f5f, not a0a0$/,
    "without TLS: UNAVAILABLE",
  ],
  auth_bearer: [
    "without a token",
    "  Prices for anyone",
    "  List: UNAUTHENTICATED",
    "  Refund: UNAUTHENTICATED",
    "as the web shop",
    "  Prices for anyone",
    "  List for web",
    "  Refund: UNAUTHENTICATED",
    "as the back office",
    "  Prices for anyone",
    "  List for office",
    "  Refund for office",
  ],
  auth_jwt: [
    "/orders/list: orders of acme, for ada",
    "/orders/refund: PERMISSION_DENIED",
    "/orders/list: UNAUTHENTICATED",
    "/orders/list: UNAUTHENTICATED",
  ],
  auth_mtls: [
    "/shop.Orders/List as DNS:operator.internal",
    "/shop.Orders/Refund as DNS:operator.internal",
    "/shop.Orders/List as DNS:web.internal",
    "/shop.Orders/Refund as web.internal: PERMISSION_DENIED",
    "without a certificate: UNAVAILABLE",
  ],
  batching: [
    "batch: false",
    "  0 INVALID_ARGUMENT 1 INVALID_ARGUMENT 2 INVALID_ARGUMENT 3 INVALID_ARGUMENT",
    "  wire of the calls: grpc; batched: 0",
    "  calls on the server: 8",
    "batch: true",
    "  0 INVALID_ARGUMENT 1 INVALID_ARGUMENT 2 INVALID_ARGUMENT 3 INVALID_ARGUMENT",
    "  wire of the calls: batch; batched: 8",
    "  calls on the server: 9",
  ],
  cancellation: [
    "client: /report, CANCELLED",
    "server: /report stops, CANCELLED",
    "client: tick 1",
    "client: tick 2",
    "client: tick 3",
    "server: /ticks cleans up",
    "calls in flight: 0",
  ],
  compression: [
    "/text, a compressed request",
    "  the request was compressed: true",
    "  the reply is compressed, on the wire it has less than a fiftieth of its bytes",
    "/text, a request of 3 bytes",
    "  the request was compressed: false",
    "  the reply is compressed, on the wire it has less than a fiftieth of its bytes",
    "/photo",
    "  the reply is not compressed, on the wire it has all of its bytes",
  ],
  custom_balancer: [
    "user 0 is served by the first",
    "user 1 is served by the second",
    "user 2 is served by the third",
    "user 1 is served by the second",
  ],
  deadlines: [
    "/orders/left: at most the caller's 30 s",
    "/orders/detached: no deadline",
    "/orders/slow: DEADLINE_EXCEEDED",
    "the handler behind the handler stops, too: DEADLINE_EXCEEDED",
  ],
  enclave: [
    '{"dix":"olleh"}',
    '{"dix":"👩‍🚀 étâp"}',
    "calls in batches: true, on 1 connection",
    "the enclave is up: 200",
    "the enclave is down: 503",
  ],
  errors: [
    "NOT_FOUND (5): There is no such name",
    "UNKNOWN (2): The handler failed",
    "RESOURCE_EXHAUSTED (8): Too many greetings",
    "  retry in 30 s",
    "INVALID_ARGUMENT (3): The request is not valid",
    "  name is empty",
    "  see https://example.com/names",
    "UNIMPLEMENTED: Unknown method /example.v1.GreeterService/Greeet; did you mean " +
    "/example.v1.GreeterService/Greet?",
  ],
  gateway: [
    "/greet: 200",
    '{"text":"Hello, Ada"}',
    "/example.v1.GreeterService/Greet: 400",
    '{"code":"INVALID_ARGUMENT","message":"The name is empty","details":[]}',
    "/example.v1.GreeterService/CountDown: 200",
    '{"left":2}',
    '{"left":1}',
    "{}",
    "/example.v1.GreeterService/CountDown: 200",
    'data: {"left":1}',
    "",
    "data: {}",
    "",
    "event: end",
    "data: {}",
    "OpenAPI: 3 paths",
  ],
  graceful_restart: [
    "the long call: finished by version 1",
    "answered by: version 1, version 2",
    "failed: 0",
    "open connections of the new server: 1",
  ],
  health: ["check: SERVING", "watch: SERVING, NOT_SERVING", "Hello from green"],
  hedging: ["reply of the second attempt", "the first attempt ends: CANCELLED"],
  hello: ["Hello, Ada", "3 …", "2 …", "1 …", "0 …"],
  hybrid_vsock: [
    "on the host: guest.sock vm.sock vm.sock_6000",
    "monitor: CONNECT 5000",
    "hello from the guest",
    "hello from the host",
    "connections of the host's server: 1",
    "connections of the guest's server: 1",
  ],
  interceptors: [
    "client: /price: UNAUTHENTICATED",
    "  the handler computes the price of tea",
    "client: /price: OK, miss",
    "client: /price: OK, hit",
    "client: /price: OK, hit",
    "client: /price: RESOURCE_EXHAUSTED",
  ],
  json_by_name: [
    "grpc: tea and cup; NOT_FOUND",
    "grpc: 2026-03-01",
    "lean: tea and cup; NOT_FOUND",
    "lean: 2026-03-01",
  ],
  keepalive: [
    "the server answers pings: OK after 35 s",
    "unplugged: UNAVAILABLE after 35 s",
    "Connection lost: No answer to a ping within 5000 ms",
  ],
  lean_chat: [
    "/chat (bidi_streaming): a chat room; set the metadata `name`",
    'ann sees "* ann has joined"',
    'ann sees "* bob has joined"',
    'bob sees "* bob has joined"',
    'ann sees "bob: hello ann 🌍"',
    'ann sees "ann: hello bob"',
    'bob sees "bob: hello ann 🌍"',
    'bob sees "ann: hello bob"',
    'bob sees "* ann has left"',
  ],
  load_balancing: [
    "pick_first: one server has all calls: true",
    "round_robin: 100 + 100 + 100",
    "least_request: each server has a good part: true",
    "round_robin without the first server: 0 + 150 + 150",
  ],
  metadata: [
    "tenant: acme",
    "tags: red, blue",
    "key: 1,2,255",
    "served by: pod-3",
    "rows read: 17",
    'TypeError: Cannot use the value of metadata key "x-name": must be printable ASCII (or use a -bin key)',
  ],
  one_port: [
    "Hello, Ada, by grpc",
    "Hello, Ada, by lean",
    "Hello, Ada, by connect",
    "Hello, Ada, by grpc-web",
    '{ text: "Hello, Ada, by connect" }',
    "GET /healthz: 200",
    "🌍 1 1.0",
    "connections: 1",
  ],
  orders: [
    "placed: 1, PLACED, 998 cents, card …4242",
    'labels: {"gift":"yes","note":"ring twice"}',
    "at: 2026-01-31T12:00:00.000Z",
    "imported: 2",
    "listed: 1, tea, paid by card",
    "listed: 3, jar, paid by iban",
    "order 1 is PLACED",
    "order 2 is SHIPPED",
  ],
  reflection: [
    "service example.v1.GreeterService",
    "service grpc.reflection.v1.ServerReflection",
    "service grpc.reflection.v1alpha.ServerReflection",
    "  Greet(GreetRequest) → GreetResponse, unary",
    "  CountDown(CountDownRequest) → CountDownResponse, server_streaming",
    "  Chat(ChatRequest) → ChatResponse, bidi_streaming",
    '{"text":"Hello, Ada"}',
  ],
  retries: [
    "Get",
    "  attempt 1, 0 before",
    "  attempt 2, 1 before",
    "  attempt 3, 2 before",
    "  succeeded, after 2 retries",
    "Refund",
    "  UNAVAILABLE after 1 attempt",
  ],
  streams: [
    "room: blue",
    "ada said hello",
    "ada said how are you?",
    "goodbye",
    "read 100 of an endless stream, written: little more",
  ],
  testing: [
    "a handler with a context",
    "a server in memory",
    "two retries, 30 s by the clock",
    "connections made: 2",
    "a mock replied with a string",
  ],
  unix_socket: ["tcp", "unix", "mode: 660", "a second server: TransportError", "files left: 0"],
  upload: [
    "sent 25 %",
    "sent 50 %",
    "sent 75 %",
    "sent 100 %",
    "stored 20971520 bytes, the hash is right",
  ],
  validation: [
    "a valid request",
    "  the handler opens an account for Ada",
    "  opened: A-1",
    "one with four faults",
    "  INVALID_ARGUMENT",
    "  email: must be a valid email address",
    "  name: must be at least 1 characters",
    "  users[0].limit_cents: must be greater than 0",
    "  users[1].email: must be a valid email address",
    "a stream, up to what is not valid",
    "  balance: -250",
    "  INVALID_ARGUMENT",
    "  the whole message: the accounts must be different",
    "checked by the client, with the server gone",
    "  INVALID_ARGUMENT",
    "  email: must be a valid email address",
  ],
  wait_for_ready: [
    "without waitForReady: UNAVAILABLE",
    "waiting calls: 1",
    "with waitForReady: hello",
    "state in the end: READY",
  ],
  worker_pool: [
    "primes: 168, 9592",
    "/release: done",
    "/block: released",
    "3 calls by 2 workers",
  ],
};

/** Folders whose output is checked by a test of their own. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  browser: "tests/compat/browser/suite.ts",
  opentelemetry: "below",
  vsock: "below",
};

async function run(name: string, args: readonly string[] = []): Promise<string[]> {
  const { stdout, stderr, code } = await runProgram(`examples/${name}/main.ts`, args);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  return stdout.trimEnd().split("\n");
}

function assertLines(actual: readonly string[], expected: Lines): void {
  const shown = expected.map((line, i) =>
    line instanceof RegExp && line.test(actual[i] ?? "") ? actual[i] : line
  );
  assert.deepEqual(actual, shown);
}

for (const [name, lines] of Object.entries(EXPECTED)) {
  Deno.test(`the example ${name} prints what it shows`, async () => {
    assertLines(await run(name), lines);
  });
}

Deno.test("the example opentelemetry prints the spans of both sides", async () => {
  const text = (await run("opentelemetry")).join("\n");
  // Client and server of each of two calls: 1 is SpanKind.SERVER, 2 is SpanKind.CLIENT.
  const kinds = [...text.matchAll(/^ {2}kind: (\d),$/gm)].map(([, kind]) => kind).sort();
  assert.deepEqual(kinds, ["1", "1", "2", "2"]);
  const traces = [...text.matchAll(/^ {2}traceId: "([0-9a-f]{32})",$/gm)].map(([, id]) => id);
  assert.equal(traces.length, 4);
  assert.equal(new Set(traces).size, 2);
  assert.equal(text.match(/^ {4}"rpc\.grpc\.status_code": 3$/gm)?.length, 2);
  assert.equal(
    text.match(/^example\.v1\.GreeterService\/Greet: same trace on both sides: true$/gm)?.length,
    2,
  );
});

Deno.test("the example vsock runs over a Unix socket", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const lines = await run("vsock", [`unix:${directory}/app.sock`]);
    assert.deepEqual(lines, ["called over unix, context id none"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: Deno.env.get("VRPC_TEST_VSOCK") === "1"
    ? "the example vsock runs over the loopback of vsock"
    : "the example vsock runs over vsock (skipped: VRPC_TEST_VSOCK is not 1, no kernel with vsock loopback)",
  ignore: Deno.env.get("VRPC_TEST_VSOCK") !== "1",
  async fn() {
    const address = `vsock:local:${40_000 + Math.floor(Math.random() * 10_000)}`;
    assert.deepEqual(await run("vsock", [address]), ["called over vsock, context id 1"]);
  },
});

Deno.test("each folder of examples has its expected output and a line in the README", async () => {
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(EXAMPLES)) {
    if (isDirectory) folders.push(name);
  }
  folders.sort();
  assert.deepEqual(folders, [...Object.keys(EXPECTED), ...Object.keys(ELSEWHERE)].sort());
  assert.ok(folders.length >= 25);
  const readme = await Deno.readTextFile(join(EXAMPLES, "README.md"));
  const linked = [...readme.matchAll(/\]\((\w+)\/(?:main\.ts|README\.md)\)/g)].map((m) => m[1]);
  assert.deepEqual(linked.sort(), folders);
});

Deno.test("links of the examples' README lead to files that exist", async () => {
  const readme = await Deno.readTextFile(join(EXAMPLES, "README.md"));
  for (const [, target] of readme.matchAll(/\]\(([^)\s:]+)\)/g)) {
    await Deno.stat(join(EXAMPLES, target));
  }
});
