import assert from "node:assert/strict";
import { httpLimits, type HttpServeOptions } from "../../../src/rpc/http/options.ts";
import { type HttpServer, serveHttp } from "../../../src/rpc/http/server.ts";
import type { HttpHandler } from "../../../src/rpc/http/handler.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { tryEdges } from "../../fixtures/option_edges.ts";
import { until } from "../../fixtures/waiting.ts";
import { RawClient } from "./raw_client.ts";

const ok: HttpHandler = () => new Response("ok");
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

const start = (handler: HttpHandler = ok, limits: HttpServeOptions["limits"] = {}) =>
  serveHttp("127.0.0.1:0", handler, { limits });
const open = (server: HttpServer) => RawClient.open(server.address);

Deno.test("serveHttp() answers fetch, with a date, and keeps the connection", async () => {
  await using server = await start((request) => Response.json({ url: request.url }));
  const url = `http://${server.address}/a?b=c`;
  for (let i = 0; i < 3; i++) {
    const response = await fetch(url);
    assert.deepEqual(await response.json(), { url });
    assert.match(response.headers.get("date")!, /GMT$/);
  }
  assert.equal(server.stats().accepted, 1);
});

Deno.test("serveHttp() serves TLS with ALPN http/1.1", async () => {
  const { cert, key } = await selfSigned();
  await using server = await serveHttp("127.0.0.1:0", (request) => new Response(request.url), {
    tls: { cert, key },
  });
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const url = `https://localhost:${server.address.split(":")[1]}/`;
  const response = await fetch(url, { client });
  assert.equal(await response.text(), url);
});

Deno.test("options of serveHttp() are checked before it listens", async () => {
  await assert.rejects(serveHttp("127.0.0.1:0", ok, { limit: {} } as HttpServeOptions), {
    name: "TypeError",
    message: /did you mean limits\?/,
  });
  await assert.rejects(start(ok, { headerTimeoutMs: 5 } as HttpServeOptions["limits"]), {
    name: "TypeError",
    message: /did you mean headersTimeoutMs\?/,
  });
  tryEdges([
    ["maxConnections", 1, Infinity, true],
    ["maxBufferedBytes", 1, Infinity, true],
    ["maxRequestLineBytes", 64, 1_048_576, true],
    ["maxHeaderBytes", 1_024, 1_048_576, true],
    ["maxHeaderFields", 16, 10_000, true],
    ["maxBodyBytes", 0, Infinity, true],
    ["headersTimeoutMs", 1, Infinity, false],
    ["requestTimeoutMs", 1, Infinity, false],
    ["minBodyBytesPerSecond", 0, Infinity, false],
    ["keepAliveTimeoutMs", 1, Infinity, false],
    ["stallTimeoutMs", 1, Infinity, false],
  ], (limits) => httpLimits({ limits }));
});

Deno.test("half-sent header sections end with 408, and the connections close", async () => {
  await using server = await start(ok, { headersTimeoutMs: 200 });
  const clients = await Promise.all(Array.from({ length: 50 }, () => open(server)));
  try {
    await Promise.all(clients.map((client) => client.send("GET / HTTP/1.1\r\nHost: a\r\nX:")));
    for (const client of clients) {
      assert.match(await client.rest(), /^HTTP\/1\.1 408 Request Timeout\r\n/);
    }
    // Both directions are closed here once the peer has closed its own.
    for (const client of clients) client[Symbol.dispose]();
    await until(() => server.stats().open === 0);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

Deno.test("3,000 half-sent header sections take the places of each other, not of a client", async () => {
  await using server = await start(ok, { maxConnections: 100, headersTimeoutMs: 60_000 });
  const clients: RawClient[] = [];
  try {
    for (let i = 0; i < 3_000; i++) {
      const client = await open(server);
      clients.push(client);
      await client.send("GET / HTTP/1.1\r\nHost: a\r\n").catch(() => {});
      if (i % 500 === 499) {
        using one = await open(server);
        await one.send(GET);
        assert.match(await one.until(/ok$/), /^HTTP\/1\.1 200 /);
      }
    }
    await until(() => server.stats().accepted === 3_006);
    const { open: places, refused } = server.stats();
    assert.ok(places <= 100, `${places}`);
    assert.ok(refused >= 2_900, `${refused}`);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

Deno.test("connections with a request keep their places; a new one is closed", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let requests = 0;
  await using server = await start(async () => {
    requests++;
    await promise;
    return new Response("ok");
  }, { maxConnections: 2 });
  using first = await open(server);
  using second = await open(server);
  await first.send(GET);
  await second.send(GET);
  await until(() => requests === 2);
  using third = await open(server);
  assert.equal(await third.rest(), "");
  resolve();
  assert.match(await first.until(/ok$/), / 200 /);
  assert.match(await second.until(/ok$/), / 200 /);
  assert.equal(server.stats().refused, 1);
  using fourth = await open(server);
  await fourth.send(GET);
  assert.match(await fourth.until(/ok$/), / 200 /);
});

Deno.test("idle connections are closed", async () => {
  await using server = await start(ok, { keepAliveTimeoutMs: 100 });
  using client = await open(server);
  await client.send(GET);
  await client.until(/ok$/);
  assert.equal(await client.rest(), "");
});

Deno.test("a body below the least rate ends with 408", async () => {
  await using server = await start(async (request) => new Response(await request.text()), {
    requestTimeoutMs: 200,
  });
  using client = await open(server);
  await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  assert.match(await client.rest(), /^HTTP\/1\.1 408 /);
});

Deno.test("200 bodies that are announced with 4 MiB and never finished hold no more than the pool", async () => {
  await using server = await start(async (request) => new Response(await request.text()), {
    maxBufferedBytes: 8_388_608,
    requestTimeoutMs: 60_000,
  });
  const part = new Uint8Array(1_048_576);
  const clients: RawClient[] = [];
  let answered = 0;
  try {
    for (let i = 0; i < 200; i++) {
      const client = await open(server);
      clients.push(client);
      client.rest().then((text) => answered += Number(/^HTTP\/1\.1 503 /.test(text)));
      const head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n";
      client.send(head).then((client) => client.send(part)).catch(() => {});
    }
    await until(() => server.stats().accepted === 200 && answered >= 150);
    assert.ok(server.stats().bufferedBytes <= 8_388_608);
    using small = await open(server);
    await small.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert.match(await small.until(/hi$|503/), / 200 /);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await until(() => server.stats().bufferedBytes === 0);
});

Deno.test("what handlers leave unread of bodies is not counted any more", async () => {
  let { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  await using server: HttpServer = await start(async (request) => {
    if (!request.url.endsWith("/none")) {
      const reader = request.body!.getReader();
      if (request.url.endsWith("/some")) {
        for (let count = 0; count < 10_000;) count += (await reader.read()).value!.length;
        begin();
        await until(() => server.stats().bufferedBytes === 30_000);
      }
    }
    return new Response(request.url.endsWith("/long") ? new Uint8Array(100_000) : "ok");
  });
  for (const path of ["/some", "/locked", "/none", "/long"]) {
    ({ promise: begun, resolve: begin } = Promise.withResolvers<void>());
    using client = await open(server);
    const head =
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n`;
    await client.send(head + "x".repeat(10_000));
    if (path === "/some") await begun;
    await client.send("x".repeat(30_000));
    assert.match(await client.rest(), /^HTTP\/1\.1 200 /);
    assert.equal(server.stats().bufferedBytes, 0, path);
  }
});

Deno.test("clients that don't read a large response hold no more than the pool, and are closed", async () => {
  const body = new Uint8Array(8_388_608);
  let started = 0;
  await using server = await start((request) => {
    started++;
    return new Response(request.url.endsWith("/small") ? "ok" : body);
  }, { maxBufferedBytes: 33_554_432, stallTimeoutMs: 300 });
  const clients: RawClient[] = [];
  try {
    for (let i = 0; i < 40; i++) {
      const client = await open(server);
      clients.push(client);
      await client.send(GET);
    }
    await until(() => started === 40);
    assert.ok(server.stats().bufferedBytes <= 33_554_432);
    using small = await open(server);
    await small.send("GET /small HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(await small.until(/ok$/), / 200 /);
    small[Symbol.dispose]();
    await until(() => server.stats().open === 0);
    assert.equal(server.stats().bufferedBytes, 0);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
});

Deno.test("request.signal aborts when the client is gone, not after a response", async () => {
  const signals: AbortSignal[] = [];
  await using server = await start((request) => {
    signals.push(request.signal);
    if (request.url.endsWith("/now")) return new Response("ok");
    return new Promise((resolve) =>
      request.signal.addEventListener("abort", () => resolve(new Response("late")))
    );
  });
  using client = await open(server);
  await client.send("GET /now HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/ok$/);
  await client.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => signals.length === 2);
  client[Symbol.dispose]();
  await until(() => signals[1].aborted);
  assert.equal(signals[0].aborted, false);
  await until(() => server.stats().open === 0);
});

Deno.test("an error of the handler is answered 500 without its text, or by onError", async () => {
  const handler: HttpHandler = () => {
    throw new Error("secret");
  };
  await using server = await start(handler);
  const response = await fetch(`http://${server.address}/`);
  assert.equal(response.status, 500);
  assert.equal(await response.text(), "Internal Server Error\n");
  const onError = (error: unknown) => new Response((error as Error).message, { status: 502 });
  await using own = await serveHttp("127.0.0.1:0", handler, { onError });
  const other = await fetch(`http://${own.address}/`);
  assert.equal(other.status, 502);
  assert.equal(await other.text(), "secret");
  await using failing = await serveHttp("127.0.0.1:0", handler, {
    onError: () => {
      throw new Error("again");
    },
  });
  const last = await fetch(`http://${failing.address}/`);
  assert.equal(last.status, 500);
  await last.body?.cancel();
});

Deno.test("a handler that returns no response fails alone", async () => {
  const handler = (() => undefined) as unknown as HttpHandler;
  await using server = await start(handler);
  const response = await fetch(`http://${server.address}/`);
  assert.equal(response.status, 500);
  await response.body?.cancel();
});

Deno.test("a host that no URL can have is answered 400", async () => {
  await using server = await start();
  using client = await open(server);
  await client.send("GET / HTTP/1.1\r\nHost: %zz\r\n\r\n");
  assert.match(await client.rest(), /^HTTP\/1\.1 400 /);
});

Deno.test("shutdown() lets an open request finish and closes idle connections", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const server = await start(async () => {
    begin();
    await promise;
    return new Response("done");
  });
  using idle = await open(server);
  using busy = await open(server);
  await busy.send(GET);
  await begun;
  await until(() => server.stats().open === 2);
  const down = server.shutdown({ graceMs: 60_000 });
  assert.equal(await idle.rest(), "");
  await assert.rejects(open(server));
  resolve();
  const text = await busy.rest();
  assert.match(text, /connection: close\r\n/);
  assert.match(text, /done$/);
  busy[Symbol.dispose]();
  await down;
  await server.finished;
  assert.equal(server.stats().open, 0);
});

Deno.test("shutdown() closes what is open after its grace", async () => {
  const server = await start(() => new Promise(() => {}));
  using busy = await open(server);
  await busy.send(GET);
  await until(() => server.stats().open === 1);
  await assert.rejects(server.shutdown({ graceMs: -1 }), RangeError);
  await server.shutdown({ graceMs: 20 });
  assert.equal(await busy.rest(), "");
});

for (
  const [what, body] of [
    ["whole", () => new Uint8Array(8_388_608)],
    ["a stream", () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)),
      })],
  ] as const
) {
  Deno.test(`responses that no client reads hold no more than the pool, the body being ${what}`, async () => {
    await using server = await start(() => new Response(body()), { maxBufferedBytes: 16_777_216 });
    const clients: RawClient[] = [];
    try {
      for (let i = 0; i < 40; i++) {
        const client = await open(server);
        clients.push(client);
        await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      }
      using late = await open(server);
      await late.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.match(await late.until(/\r\n\r\n/), /^HTTP\/1\.1 503 /);
      const { bufferedBytes } = server.stats();
      assert.ok(bufferedBytes > 0 && bufferedBytes <= 16_777_216, `${bufferedBytes}`);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
    await until(() => server.stats().bufferedBytes === 0);
  });
}
