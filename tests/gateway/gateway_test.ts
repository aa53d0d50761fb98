import assert from "node:assert/strict";
import { type Channel, connect, RpcError, serve, Status } from "../../mod.ts";
import { addEnclave, addReflection } from "../../src/services/mod.ts";
import { EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { EnclaveService } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { Health as HealthService } from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { Gateway, type GatewayOptions } from "../../src/gateway/mod.ts";
import { tryEdges } from "../fixtures/option_edges.ts";
import { testServer } from "../../src/testing/mod.ts";
import {
  file,
  message,
  REPEATED,
  REQUIRED,
  scalar,
  service,
  typed,
} from "../schema/descriptors.ts";
import {
  addReflectionOf,
  endlessFiles,
  files,
  services,
  unknown,
} from "../services/hostile_reflection.ts";
import { assertGrowth } from "../fixtures/growth.ts";

/** Creates a gateway to a service in memory. */
async function withGateway(
  body: (post: Post, gateway: Gateway, channel: Channel) => Promise<void>,
  options: GatewayOptions = {},
): Promise<void> {
  const address = `memory:${crypto.randomUUID()}`;
  await using _server = await serve(address, (router) => {
    addEnclave(router);
    addReflection(router);
    router.service(EchoService, {
      echo: (request, ctx) => {
        const text = new TextDecoder().decode(request.payload);
        if (text === "missing") {
          throw new RpcError(Status.NOT_FOUND, "nothing there", {
            details: [{
              typeUrl: "type.googleapis.com/google.rpc.Help",
              value: new Uint8Array([1]),
            }],
          });
        }
        if (text === "wait") {
          return new Promise((_, reject) => {
            ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
          });
        }
        if (text === "time") {
          return { payload: new TextEncoder().encode(String(ctx.timeRemainingMs() < 300)) };
        }
        if (text === "id") {
          return { payload: new TextEncoder().encode(ctx.metadata.get("x-request-id") ?? "") };
        }
        return { payload: request.payload };
      },
    });
  });
  await using channel = connect(address);
  const gateway = new Gateway(channel, {
    services: [EnclaveService],
    routes: { "/echo": "/vrpc.enclave.v1.EnclaveService/Echo" },
    ...options,
  });
  const post: Post = async (path, json, headers = {}) => {
    const request = new Request(`http://localhost${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: json,
    });
    const response = await gateway.handle(request, path);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text) };
  };
  await body(post, gateway, channel);
}

type Post = (
  path: string,
  json: string,
  headers?: Record<string, string>,
  // deno-lint-ignore no-explicit-any -- bodies of many shapes
) => Promise<{ status: number; headers: Headers; body: any }>;

const ECHO = "/vrpc.echo.v1.EchoService/Echo";
const payload = (text: string) =>
  JSON.stringify({ payload: new TextEncoder().encode(text).toBase64() });

Deno.test("Gateway.handle() serves given routes and methods listed by reflection", async () => {
  await withGateway(async (post) => {
    assert.deepEqual((await post("/echo", '{"xid":"hello"}')).body, { dix: "olleh" });
    assert.deepEqual((await post("/echo", '{"xid":"héllo👩‍👩‍👧"}')).body, { dix: "👩‍👩‍👧olléh" });
    assert.deepEqual((await post("/echo", "{}")).body, {});
    assert.deepEqual((await post(ECHO, payload("hi"))).body, { payload: "aGk=" });
  });
});

Deno.test("Gateway.handle() locates errors in a body", async () => {
  await withGateway(async (post) => {
    const cases: [string, string][] = [
      ['{"xid":hello}', "Unexpected token 'h' at position 7"],
      ['{"xid":', "at position 7"],
      ['{"xid" 1}', "at position 7"],
      ["[1,]", "Unexpected token ']' at position 3"],
      ['{"xidd":"a"}', 'it has no field "xidd", at position 1'],
      ['{"xid":5}', "xid"],
      ["7", "EchoRequest"],
    ];
    for (const [json, part] of cases) {
      const { status, body } = await post("/echo", json);
      assert.equal(status, 400, json);
      assert.equal(body.code, "INVALID_ARGUMENT");
      assert.ok(body.message.includes(part), `${json}: ${body.message}`);
    }
  });
});

Deno.test("Gateway.handle() does not parse a long body once per character to locate an error", async () => {
  await withGateway(async (post) => {
    // A body of more than 1 MiB is not read a second time for its syntax.
    const cases = [
      [30_000, 400, "'x' at position 60001"],
      [1_500_000, 400, "a list is not an object, at position 0"],
    ] as const;
    for (const [pairs, expected, part] of cases) {
      const { status, body } = await post("/echo", `[${"1,".repeat(pairs)}x]`);
      assert.equal(status, expected);
      assert.ok(body.message.includes(part), body.message);
    }
    await assertGrowth(
      [3_000, 30_000],
      30,
      (pairs) => post("/echo", `[${"1,".repeat(pairs)}x]`),
    );
  });
});

Deno.test("Gateway.handle() answers 404 with the nearest name, 405, 413 and 415", async () => {
  await withGateway(async (post, gateway) => {
    const unknown = await post("/vrpc.echo.v1.EchoService/Eco", "{}");
    assert.equal(unknown.status, 404);
    assert.match(unknown.body.message, /did you mean \/vrpc\.echo\.v1\.EchoService\/Echo\?/);
    const get = await gateway.handle(new Request("http://localhost/echo"), "/echo");
    assert.equal(get.status, 405);
    assert.equal(get.headers.get("allow"), "POST");
    await get.body?.cancel();
    assert.equal((await post("/echo", JSON.stringify({ xid: "x".repeat(200) }))).status, 413);
    for (
      const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
      ]
    ) {
      assert.equal((await post("/echo", "{}", { "content-type": type })).status, 415, type);
    }
    assert.equal(
      (await post("/echo", "{}", { "content-type": "application/json; charset=utf-8" })).status,
      200,
    );
    assert.equal((await post("/vrpc.echo.v1.EchoService/EchoStream", "{}")).status, 501);
  }, { maxBodyBytes: 100 });
});

Deno.test("Gateway.handle() limits a body of unknown length while reading", async () => {
  await withGateway(async (_post, gateway) => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(64).fill(32)),
    });
    const request = new Request("http://localhost/echo", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const response = await gateway.handle(request, "/echo");
    assert.equal(response.status, 413);
    await response.body?.cancel();
  }, { maxBodyBytes: 1_000 });
});

/** A request whose body stops after `bytes`, which calls `arrived` once they are read, and goes on once `ended` is resolved. */
function unfinished(
  bytes: number,
  headers: Record<string, string> = {},
  arrived = () => {},
  ended: Promise<void> = new Promise(() => {}),
): Request {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (pulls++ === 0) return controller.enqueue(new Uint8Array(bytes).fill(32));
      arrived();
      await ended;
      controller.close();
    },
  }, { highWaterMark: 0 });
  return new Request("http://localhost/echo", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
}

Deno.test("Gateway.handle() ends a body that is never finished at the deadline", async () => {
  await withGateway(async (_post, gateway) => {
    for (const announced of ["1000", "100000", undefined]) {
      const headers: Record<string, string> = { "connect-timeout-ms": "50" };
      if (announced !== undefined) headers["content-length"] = announced;
      const response = await gateway.handle(unfinished(10, headers), "/echo");
      assert.equal(response.status, 504);
      assert.equal(response.headers.get("connection"), "close");
      assert.equal((await response.json()).code, "DEADLINE_EXCEEDED");
    }
    const response = await gateway.handle(unfinished(10), "/echo");
    assert.equal(response.status, 504);
    await response.body?.cancel();
  }, { timeoutMs: 100 });
});

Deno.test("Gateway.handle() bounds unfinished bodies together, by bytes that arrived", async () => {
  await withGateway(async (post, gateway) => {
    const ended = Promise.withResolvers<void>();
    const arrived: Promise<void>[] = [];
    const held = Array.from({ length: 10 }, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      arrived.push(promise);
      const headers = { "content-length": "100000" };
      return gateway.handle(unfinished(100, headers, resolve, ended.promise), "/echo");
    });
    await Promise.all(arrived);
    // 1,000 bytes arrived of 1,000,000 announced: 10,000 more are left.
    assert.equal((await post("/echo", '{"xid":"hello"}')).status, 200);
    const refused = await post("/echo", JSON.stringify({ xid: "x".repeat(10_500) }));
    assert.equal(refused.status, 503);
    assert.equal(refused.body.code, "RESOURCE_EXHAUSTED");
    ended.resolve();
    for (const response of await Promise.all(held)) {
      // White space alone is an empty message.
      assert.equal(response.status, 200);
      await response.body?.cancel();
    }
    assert.equal((await post("/echo", JSON.stringify({ xid: "x".repeat(10_500) }))).status, 200);
  }, { maxBufferedBytes: 11_000, maxBodyBytes: 100_000 });
});

Deno.test("Gateway.handle() passes errors, deadlines and request ids", async () => {
  await withGateway(async (post) => {
    const missing = await post(ECHO, payload("missing"));
    assert.equal(missing.status, 404);
    assert.deepEqual(missing.body, {
      code: "NOT_FOUND",
      message: "nothing there",
      details: [{ type: "google.rpc.Help", value: "AQ==" }],
    });
    const soon = await post(ECHO, payload("time"), { "connect-timeout-ms": "250" });
    assert.equal(new TextDecoder().decode(Uint8Array.fromBase64(soon.body.payload)), "true");
    assert.equal((await post(ECHO, payload("x"), { "connect-timeout-ms": "soon" })).status, 400);
    const id = await post(ECHO, payload("id"), { "x-request-id": "abc-1" });
    assert.equal(id.headers.get("x-request-id"), "abc-1");
    assert.equal(new TextDecoder().decode(Uint8Array.fromBase64(id.body.payload)), "abc-1");
    assert.equal(
      (await post("/echo", "nope", { "x-request-id": "abc-2" })).headers.get("x-request-id"),
      "abc-2",
    );
  });
});

Deno.test("Gateway.handle() answers 503 with Retry-After while the service is unavailable", async () => {
  await using channel = connect(`memory:${crypto.randomUUID()}`);
  const gateway = new Gateway(channel, { services: [EnclaveService] });
  const path = "/vrpc.enclave.v1.EnclaveService/Echo";
  const request = new Request(`http://localhost${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const response = await gateway.handle(request, path);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "1");
  assert.equal((await response.json()).code, "UNAVAILABLE");
});

Deno.test("Gateway answers server streams with JSON lines, a failure as the last line", async () => {
  const address = `memory:${crypto.randomUUID()}`;
  await using _server = await serve(address, (router) => {
    router.service(HealthService, {
      async *watch(request) {
        yield { status: 1 };
        yield { status: 2 };
        if (request.service === "bad") throw new RpcError(Status.DATA_LOSS, "gone");
      },
    });
  });
  await using channel = connect(address);
  const gateway = new Gateway(channel, { services: [HealthService] });
  const lines = async (service: string) => {
    const path = "/grpc.health.v1.Health/Watch";
    const request = new Request(`http://localhost${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ service }),
    });
    const response = await gateway.handle(request, path);
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  };
  const two = [{ status: "SERVING" }, { status: "NOT_SERVING" }];
  assert.deepEqual(await lines(""), two);
  const failed = await lines("bad");
  assert.deepEqual(failed.slice(0, 2), two);
  assert.deepEqual(failed[2], { error: { code: "DATA_LOSS", message: "gone", details: [] } });
});

Deno.test("Gateway.knows() given routes and loaded methods, and no other paths", async () => {
  await withGateway(async (post, gateway) => {
    assert.ok(gateway.knows("/echo"));
    assert.ok(gateway.knows("/vrpc.enclave.v1.EnclaveService/Echo"));
    assert.ok(!gateway.knows(ECHO));
    await post(ECHO, payload("hi"));
    assert.ok(gateway.knows(ECHO));
    for (const path of ["/", "/echo/", "/x", `${ECHO}x`]) assert.ok(!gateway.knows(path), path);
  });
});

Deno.test("Gateway.list() describes methods with an example request", async () => {
  await withGateway(async (_post, gateway) => {
    const list = await gateway.list();
    assert.deepEqual(list.map((m) => m.path), [
      "/vrpc.echo.v1.EchoService/Echo",
      "/vrpc.echo.v1.EchoService/EchoStream",
      "/vrpc.enclave.v1.EnclaveService/Echo",
    ]);
    assert.deepEqual(list[2].example, { xid: "" });
  });
});

/** Runs `body` with a gateway to a server with this reflection. */
async function withReflection(
  answer: Parameters<typeof addReflectionOf>[1],
  body: (
    gateway: Gateway,
    call: (path: string, json: string) => Promise<Response>,
  ) => Promise<void>,
  options: GatewayOptions = {},
): Promise<void> {
  await using running = await testServer((router) => {
    addReflectionOf(router, answer);
    for (const method of ["Good", "Any"]) {
      router.method(`/t.S/${method}`, {}, (request) => request);
    }
  });
  const gateway = new Gateway(running.channel, options);
  await body(gateway, (path, json) => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: json };
    return gateway.handle(new Request(`http://localhost${path}`, init), path);
  });
}

const PARTIAL = file("a.proto", {
  syntax: "proto2",
  dependency: ["google/protobuf/struct.proto", "google/protobuf/any.proto", "gone.proto"],
  messageType: [
    message("Good", [scalar("snake_case", 1, "int64"), typed("any", 2, ".google.protobuf.Any")]),
    message("Bad", [typed("gone", 1, ".u.Gone")]),
    message("Must", [
      scalar("number", 1, "int32", { label: REQUIRED }),
      typed("self", 2, ".t.Must", { label: REPEATED }),
    ]),
  ],
  service: [service("S", {
    Good: [".t.Good", ".t.Good"],
    Bad: [".t.Good", ".t.Bad"],
    Must: [".t.Must", ".t.Must"],
    Value: [".google.protobuf.Value", ".google.protobuf.Struct"],
    List: [".google.protobuf.ListValue", ".google.protobuf.Int64Value"],
    Any: [".google.protobuf.Any", ".google.protobuf.Any"],
  })],
});

Deno.test("a descriptor that is partial costs its own method, named with what is missing", async () => {
  await withReflection((question) => {
    if (question.case === "listServices") return services("t.S", "t.Gone");
    return question.value === "t.S" ? files(PARTIAL) : unknown("not here");
  }, async (gateway, call) => {
    const list = await gateway.list();
    assert.deepEqual(Object.fromEntries(list.map((one) => [one.path, one.example])), {
      "/t.S/Any": {},
      "/t.S/Bad": {},
      "/t.S/Good": {},
      "/t.S/List": [],
      "/t.S/Must": { number: 0, self: [] },
      "/t.S/Value": null,
      "/t.Gone": {},
    });
    const fault = (path: string) => list.find((one) => one.path === path)!.fault;
    assert.match(
      fault("/t.S/Bad")!,
      /the type u\.Gone of t\.Bad\.gone is missing: a\.proto imports gone/,
    );
    assert.match(fault("/t.Gone")!, /does not describe t\.Gone: not here/);
    assert.equal(fault("/t.S/Good"), undefined);
    for (const [path, text] of [["/t.S/Bad", /u\.Gone/], ["/t.Gone/M", /not here/]] as const) {
      const response = await call(path, "{}");
      assert.equal(response.status, 501);
      assert.match((await response.json()).message, text);
    }
    const good = await call("/t.S/Good", '{"snakeCase":9007199254740993}');
    assert.deepEqual(await good.json(), { snakeCase: "9007199254740993" });
  });
});

Deno.test("google.protobuf.Any takes the types of reflection, and names one that is missing", async () => {
  await withReflection(
    (question) => question.case === "listServices" ? services("t.S") : files(PARTIAL),
    async (_gateway, call) => {
      const json = '{"@type":"type.googleapis.com/t.Good","snakeCase":"9007199254740993"}';
      const known = await call(
        "/t.S/Any",
        json.replaceAll('"9007199254740993"', "9007199254740993.0"),
      );
      assert.deepEqual([known.status, await known.json()], [200, JSON.parse(json)]);
      for (const name of ["t.Gone", "t.Bad"]) {
        const missing = await call("/t.S/Any", `{"@type":"type.googleapis.com/${name}"}`);
        assert.equal(missing.status, 400);
        assert.match((await missing.json()).message, new RegExp(name.replace(".", "\\.")));
      }
    },
  );
});

Deno.test("a reflection without end is asked once a second, and known methods are called on", async () => {
  let started = 0;
  const endless = endlessFiles(1_000_000);
  await withReflection((question) => {
    if (question.case === "listServices") started++;
    return endless(question);
  }, async (gateway, call) => {
    for (let i = 0; i < 3; i++) {
      await assert.rejects(gateway.list(), /too many bytes/);
      const response = await call("/t.Other/M", "{}");
      assert.equal(response.status, 429);
      await response.body?.cancel();
    }
    assert.equal(started, 1);
  });
});

Deno.test("the deadline of a request covers the reading of methods", async () => {
  await withReflection(() => new Promise(() => {}), async (_gateway, call) => {
    const response = await call("/t.S/M", "{}");
    assert.equal(response.status, 504);
    await response.body?.cancel();
  }, { timeoutMs: 50 });
});

Deno.test("texts of the service reach an HTTP client in printable characters", async () => {
  await using running = await testServer((router) => {
    router.method("/vrpc.enclave.v1.EnclaveService/Echo", {}, () => {
      throw new RpcError(Status.NOT_FOUND, "a\x1b]0;b\x9b\u202e");
    });
  });
  const gateway = new Gateway(running.channel, { services: [EnclaveService] });
  const path = "/vrpc.enclave.v1.EnclaveService/Echo";
  const headers = { "content-type": "application/json" };
  const init = { method: "POST", headers, body: "{}" };
  const response = await gateway.handle(new Request(`http://localhost${path}`, init), path);
  const text = await response.text();
  assert.match(text, /^[ -~]+$/);
  assert.equal(JSON.parse(text).message, "a\x1b]0;b\x9b\u202e");
});

Deno.test("Gateway rejects options out of range", async () => {
  await using channel = connect("127.0.0.1:1");
  tryEdges([
    ["maxBodyBytes", 0, Infinity, true],
    ["maxBufferedBytes", 0, Infinity, true],
    ["timeoutMs", 0, Infinity, false],
    ["maxHttpRules", 0, Infinity, true],
    ["maxQueryParameters", 0, Infinity, true],
  ], (option) => new Gateway(channel, option));
  assert.throws(() => new Gateway(channel, { reflection: { maxBytes: 0 } }), {
    name: "RangeError",
  });
});

Deno.test("Gateway.handle() cancels the call when its HTTP client disconnects", async () => {
  await withGateway(async (_post, gateway) => {
    const controller = new AbortController();
    const request = new Request(`http://localhost${ECHO}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: payload("wait"),
      signal: controller.signal,
    });
    const answer = gateway.handle(request, ECHO);
    setTimeout(() => controller.abort(), 20);
    const response = await answer;
    assert.equal(response.status, 499);
    await response.body?.cancel();
  });
});
