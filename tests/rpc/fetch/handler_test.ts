import assert from "node:assert/strict";
import { jsonCodec, Router, type RpcError, Status } from "../../../mod.ts";
import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { fetchHandler, type FetchHandlerOptions } from "../../../src/rpc/fetch/mod.ts";
import { envelope } from "../../../src/web/envelope.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { until } from "../../fixtures/waiting.ts";
import { assertGrowth } from "../../fixtures/growth.ts";

const BASE = "http://a.example";
const ECHO = "/vrpc.echo.v1.EchoService/Echo";

/** What a test looks at from outside of the handler. */
interface Seen {
  produced: number;
  waits?: boolean;
  cancelled?: unknown;
  peer?: string;
}

function start(options: FetchHandlerOptions = {}) {
  const seen: Seen = { produced: 0 };
  const handler = fetchHandler((router) => {
    router.service(EchoService, {
      echo: ({ payload }, context) => {
        seen.peer = context.peer.address;
        return { payload };
      },
    });
    router.method("/sum", {
      requestCodec: jsonCodec<number[]>(),
      responseCodec: jsonCodec<number>(),
      safe: true,
    }, (numbers) => numbers.reduce((a, b) => a + b, 0));
    router.method("/bytes", {}, (request) => request);
    router.method("/wait", {}, async (_, { signal }) => {
      seen.waits = true;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      seen.cancelled = signal.reason;
      return new Uint8Array();
    });
    router.method("/endless", { kind: "server_streaming" }, async function* (_, { signal }) {
      signal.addEventListener("abort", () => seen.cancelled = signal.reason);
      for (;;) {
        seen.produced++;
        yield new Uint8Array(10_000);
      }
    });
    router.method("/joined", { kind: "client_streaming" }, async (requests) => {
      let all = "";
      for await (const request of requests) all += untext(request);
      return text(all);
    });
    router.method("/slow", { kind: "client_streaming" }, async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      seen.cancelled = signal.reason;
      return new Uint8Array();
    });
  }, { printFailures: false, ...options });
  return { handler, seen };
}

const post = (path: string, type: string, body: BodyInit, init: RequestInit = {}) =>
  new Request(BASE + path, {
    ...init,
    method: "POST",
    headers: { "content-type": type, ...init.headers },
    body,
  });
const json = (path: string, value: unknown, headers: Record<string, string> = {}) =>
  post(path, "application/json", JSON.stringify(value), { headers });
const stream = (path: string, ...messages: Uint8Array<ArrayBuffer>[]) =>
  post(path, "application/connect+proto", new Blob(messages.map((m) => envelope(m, 0))));

/** Waits for a promise that a timer of the handler settles: those do not keep the process alive. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1_000);
  return await promise.finally(() => clearInterval(timer));
}

/** A body that goes on as long as it is read. */
function endlessBody(part: Uint8Array): { body: ReadableStream<Uint8Array>; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream({
    pull(controller) {
      taken++;
      controller.enqueue(part.slice());
    },
  }, { highWaterMark: 0 });
  return { body, taken: () => taken };
}

Deno.test("fetchHandler: unary calls of Connect by POST and GET, and their errors", async () => {
  await using handler = start().handler;
  const reply = await handler(json(ECHO, { payload: "AQID" }));
  assert.deepEqual([reply.status, await reply.json()], [200, { payload: "AQID" }]);
  const get = await handler(
    new Request(`${BASE}/sum?encoding=json&connect=v1&message=%5B4%2C5%5D`),
  );
  assert.equal(await get.json(), 9);
  const missing = await handler(json("/su", []));
  assert.deepEqual([missing.status, (await missing.json()).code], [404, "unimplemented"]);
  const grpc = await handler(post(ECHO, "application/grpc", ""));
  assert.equal(grpc.status, 415);
  const about = await handler(new Request(BASE));
  assert.match(await about.text(), /Connect and gRPC-Web/);
  assert.deepEqual(handler.stats().calls, {
    started: 3,
    succeeded: 2,
    failed: { UNIMPLEMENTED: 1 },
    active: 0,
  });
  assert.equal(handler.stats().bufferedBytes, 0);
});

Deno.test("fetchHandler: streams of requests, and gRPC-Web in binary and in base64", async () => {
  await using handler = start().handler;
  const joined = await handler(stream("/joined", text("a"), text("b"), text("c")));
  const bytes = new Uint8Array(await joined.arrayBuffer());
  assert.deepEqual(bytes.subarray(0, 8), envelope(text("abc"), 0));
  assert.equal(untext(bytes.subarray(13)), "{}");
  const framed = envelope(text("hi"), 0);
  const web = await handler(post("/bytes", "application/grpc-web+proto", framed));
  const answer = new Uint8Array(await web.arrayBuffer());
  assert.deepEqual(answer.subarray(0, framed.length), framed);
  assert.match(untext(answer.subarray(framed.length + 5)), /^grpc-status: 0\r\n/);
  const inText = await handler(post("/bytes", "application/grpc-web-text", framed.toBase64()));
  assert.equal((await inText.text()).slice(0, 8), framed.toBase64().slice(0, 8));
});

Deno.test("fetchHandler: calls of a router, behind a path", async () => {
  const router = new Router();
  router.method("/hello", {}, () => text("hi"));
  await using handler = fetchHandler(router, { pathPrefix: "/rpc" });
  const reply = await handler(post("/rpc/hello", "application/proto", "x"));
  assert.equal(await reply.text(), "hi");
  for (const path of ["/hello", "/rpc", "/rpcx/hello"]) {
    assert.equal((await handler(post(path, "application/proto", "x"))).status, 404, path);
  }
  assert.throws(() => fetchHandler(router, { interceptors: [] }), /give them to the router/);
  assert.throws(() => fetchHandler(() => {}, { pathPrefix: "rpc/" }), TypeError);
  assert.throws(() => fetchHandler(() => {}, { pathPrefx: "/rpc" } as never), /pathPrefix\?/);
  assert.throws(() => fetchHandler(() => {}, { limits: { maxConcurrentCalls: 0 } }), RangeError);
});

Deno.test("fetchHandler: only allowed origins may call", async () => {
  const { handler } = start({ web: { cors: { origins: ["https://app.example"] } } });
  await using _ = handler;
  const evil = await handler(json(ECHO, {}, { origin: "https://evil.example" }));
  assert.equal(evil.status, 403);
  const good = await handler(json(ECHO, {}, { origin: "https://app.example" }));
  assert.equal(good.headers.get("access-control-allow-origin"), "https://app.example");
  const preflight = await handler(
    new Request(BASE + ECHO, {
      method: "OPTIONS",
      headers: { origin: "https://app.example", "access-control-request-method": "POST" },
    }),
  );
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-methods"), "GET, POST");
  const none = start().handler;
  assert.equal((await none(json(ECHO, {}, { origin: BASE }))).status, 403);
  await none.close();
});

Deno.test("fetchHandler: pages read the answers to requests that are not served", async () => {
  const origin = "https://app.example";
  const { handler, seen } = start({
    pathPrefix: "/rpc",
    limits: { maxConcurrentCalls: 1 },
    web: { cors: { origins: [origin] }, requestTimeoutMs: 20 },
  });
  const asPage = (path: string, init: RequestInit = {}) =>
    new Request(BASE + path, {
      method: "POST",
      body: "x",
      ...init,
      headers: { "content-type": "application/proto", origin },
    });
  const body = new ReadableStream(); // has nothing, and no end
  const replies: [number, Response][] = [[404, await handler(asPage("/elsewhere"))]];
  handler(asPage("/rpc/bytes", { body, duplex: "half" } as RequestInit))
    .then((reply) => replies.push([408, reply]));
  await until(() => replies.length === 2);
  const open = handler(asPage("/rpc/wait"));
  await until(() => seen.waits === true);
  replies.push([503, await handler(asPage("/rpc/bytes"))]);
  const preflight = await handler(
    new Request(`${BASE}/rpc/bytes`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    }),
  );
  replies.push([204, preflight]);
  await handler.close();
  replies.push([503, await open], [503, await handler(asPage("/rpc/bytes"))]);
  for (const [status, reply] of replies) {
    assert.equal(reply.status, status);
    assert.equal(reply.headers.get("access-control-allow-origin"), origin, `${status}`);
  }
});

Deno.test("fetchHandler: the limit on messages and on buffered bytes", async () => {
  const { handler } = start({ maxReceiveMessageBytes: 1_000 });
  await using _ = handler;
  const { body, taken } = endlessBody(new Uint8Array(100));
  const reply = await handler(
    post("/bytes", "application/proto", body, { duplex: "half" } as RequestInit),
  );
  assert.equal((await reply.json()).code, "resource_exhausted");
  assert.ok(taken() < 20, `${taken()} parts were read`);
  const scarce = start({ limits: { maxBufferedBytes: 10_000 } }).handler;
  const used = await scarce(post("/bytes", "application/proto", new Uint8Array(9_000)));
  assert.equal((await used.json()).code, "resource_exhausted");
  assert.equal(scarce.stats().bufferedBytes, 0);
  await scarce.close();
});

Deno.test("fetchHandler: abort of the request's signal cancels the call", async () => {
  const { handler, seen } = start();
  await using _ = handler;
  const controller = new AbortController();
  const pending = handler(
    post("/wait", "application/proto", "x", { signal: controller.signal }),
  );
  await until(() => seen.waits === true);
  controller.abort();
  assert.equal((await pending).status, 499);
  await until(() => seen.cancelled !== undefined);
  assert.equal((seen.cancelled as RpcError).code, Status.CANCELLED);
  await until(() => handler.stats().calls.active === 0);
  const aborted = post("/wait", "application/proto", "x", { signal: AbortSignal.abort() });
  assert.equal((await handler(aborted)).status, 499);
  await until(() => handler.stats().calls.active === 0);
});

Deno.test("fetchHandler: a stream of replies waits for its reader, whose cancel ends it", async () => {
  const { handler, seen } = start();
  await using _ = handler;
  const response = await handler(stream("/endless", text("x")));
  const reader = response.body!.getReader();
  await reader.read();
  let last = -1;
  await until(() => {
    const settled = last === seen.produced;
    last = seen.produced;
    return settled;
  });
  assert.ok(seen.produced < 20, `${seen.produced} replies are ahead of the reader`);
  assert.ok(handler.stats().bufferedBytes > 0);
  await reader.cancel();
  await until(() => seen.cancelled !== undefined);
  assert.equal((seen.cancelled as RpcError).code, Status.CANCELLED);
  await until(() => handler.stats().calls.active === 0);
  assert.equal(handler.stats().bufferedBytes, 0);
});

Deno.test("fetchHandler: a client that takes nothing of a response is given up", async () => {
  const { handler, seen } = start({ limits: { stallTimeoutMs: 50 } });
  await using _ = handler;
  const response = await handler(stream("/endless", text("x")));
  await until(() => seen.cancelled !== undefined);
  await assert.rejects(response.text(), /has taken nothing for 50 ms/);
  assert.equal(handler.stats().bufferedBytes, 0);
  // Also when the handler has ended, and only the end of a long response waits.
  const long = await handler(post("/bytes", "application/proto", new Uint8Array(100_000)));
  await until(() => handler.stats().bufferedBytes === 0);
  await assert.rejects(long.arrayBuffer(), /has taken nothing for 50 ms/);
});

Deno.test("fetchHandler: requests are read as the handler takes them, in limited time", async () => {
  const { handler } = start({ web: { requestTimeoutMs: 100 } });
  await using _ = handler;
  const { body, taken } = endlessBody(envelope(new Uint8Array(50_000), 0));
  const controller = new AbortController();
  const slow = handler(
    post("/slow", "application/connect+proto", body, {
      duplex: "half",
      signal: controller.signal,
    } as RequestInit),
  );
  // Longer than the time for a part: the handler holds back, not the client.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(taken() < 100, `${taken()} parts were read ahead of the handler`);
  assert.equal(handler.stats().calls.active, 1);
  controller.abort();
  assert.equal((await slow).status, 499);
  const never = new ReadableStream<Uint8Array>();
  const late = await settled(handler(
    post("/bytes", "application/proto", never, { duplex: "half" } as RequestInit),
  ));
  assert.equal(late.status, 408);
});

Deno.test("fetchHandler: a body that fails cancels the call", async () => {
  const { handler, seen } = start();
  await using _ = handler;
  const failing = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("connection reset")),
  }, { highWaterMark: 0 });
  const response = await handler(
    post("/slow", "application/connect+proto", failing, { duplex: "half" } as RequestInit),
  );
  assert.equal(response.status, 499);
  await until(() => seen.cancelled !== undefined);
  assert.match((seen.cancelled as RpcError).message, /connection reset/);
});

Deno.test("fetchHandler: deadlines, and the client's address", async () => {
  const { handler, seen } = start();
  await using _ = handler;
  const waits = await settled(handler(
    post("/wait", "application/proto", "x", { headers: { "connect-timeout-ms": "20" } }),
  ));
  assert.deepEqual([waits.status, (await waits.json()).code], [504, "deadline_exceeded"]);
  const remoteAddr = { transport: "tcp", hostname: "2001:db8::1", port: 4_000 };
  await handler(json(ECHO, {}), { remoteAddr });
  assert.equal(seen.peer, "[2001:db8::1]:4000");
  await handler(json(ECHO, {}), { env: "of a worker" });
  assert.equal(seen.peer, "");
});

Deno.test("fetchHandler: an info that throws costs nothing, and leaves no call open", async () => {
  const { handler, seen } = start();
  await using _ = handler;
  const fail = () => {
    throw new Error("info");
  };
  const infos = [
    {
      get remoteAddr() {
        return fail();
      },
    },
    {
      remoteAddr: {
        get hostname() {
          return fail();
        },
      },
    },
    new Proxy({}, { get: fail }),
  ];
  for (const info of infos) {
    assert.equal((await handler(json(ECHO, {}), info)).status, 200);
    assert.equal(seen.peer, "");
  }
  assert.equal(handler.stats().calls.active, 0);
});

Deno.test("fetchHandler: the time of many header fields grows with their number", async () => {
  const { handler } = start();
  await using _ = handler;
  // With the iterator of Deno's Headers ten times as many take a hundred times as long.
  await assertGrowth([500, 5_000], 40, async (length) => {
    const many = Array.from({ length }, (_, i) => [`x-${i}`, "v"]);
    const headers = { "content-type": "application/json", ...Object.fromEntries(many) };
    const request = new Request(`${BASE}${ECHO}`, { method: "POST", headers, body: "{}" });
    assert.equal((await handler(request)).status, 200);
  });
});

Deno.test("fetchHandler: too many calls, and those after close(), are answered 503", async () => {
  const { handler, seen } = start({ limits: { maxConcurrentCalls: 1 } });
  let closed = 0;
  handler.router.onClose(() => {
    closed++;
  });
  const pending = handler(post("/wait", "application/proto", "x"));
  await until(() => seen.waits === true);
  const refused = await handler(json(ECHO, {}));
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "1");
  await Promise.all([handler.close(), handler.close()]);
  assert.equal((await pending).status, 503);
  await until(() => seen.cancelled !== undefined);
  assert.equal(closed, 1);
  assert.equal((await handler(json(ECHO, {}))).status, 503);
});
