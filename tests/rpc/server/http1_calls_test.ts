import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect, jsonCodec, RpcError, serve, type ServeOptions, Status } from "../../../mod.ts";
import { EchoService } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { selfSigned } from "../../../src/transport/certs.ts";

const ECHO = "/vrpc.echo.v1.EchoService/Echo";
const utf8 = (text: string) => new TextEncoder().encode(text);

async function start(options: ServeOptions = {}) {
  return await serve("127.0.0.1:0", (router) => {
    router.service(EchoService, {
      echo: ({ payload }, context) => {
        context.responseHeaders.set("x-wire", context.wire);
        return { payload };
      },
    });
    router.method("/sum", {
      requestCodec: jsonCodec<number[]>(),
      responseCodec: jsonCodec<number>(),
      safe: true,
    }, (numbers) => numbers.reduce((a, b) => a + b, 0));
    router.method("/wait", {}, async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return new Uint8Array();
    });
    router.method("/fail", {}, () => {
      throw new RpcError(Status.NOT_FOUND, "gone");
    });
  }, { web: true, ...options });
}

const json = (body: unknown, headers: Record<string, string> = {}) => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify(body),
});

Deno.test("one port answers Connect over HTTP/1.1, gRPC and lean at the same time", async () => {
  await using server = await start();
  const url = `http://${server.addresses[0]}`;
  await using grpc = connect(server.addresses[0]);
  await using lean = connect(server.addresses[0], { wire: "lean" });
  const [response, ...replies] = await Promise.all([
    fetch(url + ECHO, json({ payload: "AQID" })),
    grpc.client(EchoService).echo({ payload: utf8("a") }),
    lean.client(EchoService).echo({ payload: utf8("b") }),
  ]);
  assert.equal(response.headers.get("x-wire"), "connect");
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.ok(response.headers.has("date"));
  assert.deepEqual(await response.json(), { payload: "AQID" });
  assert.deepEqual(replies.map(({ payload }) => payload), [utf8("a"), utf8("b")]);
  const { connections, calls } = server.stats();
  assert.deepEqual([connections.http1, connections.grpc, connections.lean], [1, 1, 1]);
  assert.equal(calls.succeeded, 3);
});

Deno.test("a connection of HTTP/1.1 serves call after call, also of other methods", async () => {
  await using server = await start();
  const url = `http://${server.addresses[0]}`;
  for (let i = 0; i < 3; i++) {
    assert.equal(await (await fetch(`${url}/sum`, json([1, 2, i]))).json(), 3 + i);
  }
  const get = await fetch(`${url}/sum?encoding=json&connect=v1&message=%5B4%2C5%5D`);
  assert.equal(await get.json(), 9);
  const missing = await fetch(`${url}/su`, json([]));
  assert.equal(missing.status, 404);
  assert.equal((await missing.json()).code, "unimplemented");
  const failed = await fetch(`${url}/fail`, json({}));
  assert.deepEqual([failed.status, await failed.json()], [404, {
    code: "not_found",
    message: "gone",
  }]);
  assert.equal((await fetch(`${url}/no-page`)).status, 404);
  assert.equal(server.stats().connections.http1, 1);
});

Deno.test("the deadline of a call over HTTP/1.1 covers its body, and cancel reaches the handler", async () => {
  await using server = await start();
  const url = `http://${server.addresses[0]}`;
  const late = await fetch(`${url}/wait`, json({}, { "connect-timeout-ms": "50" }));
  assert.equal(late.status, 504);
  assert.equal((await late.json()).code, "deadline_exceeded");
  const slow = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(server.addresses[0].split(":").pop()),
  });
  await slow.write(utf8(
    `POST /fail HTTP/1.1\r\nhost: ${server.addresses[0]}\r\ncontent-type: application/json\r\n` +
      "connect-timeout-ms: 50\r\ncontent-length: 10\r\n\r\n{",
  ));
  const buffer = new Uint8Array(4_096);
  const answer = new TextDecoder().decode(buffer.subarray(0, await slow.read(buffer) ?? 0));
  assert.match(answer, /^HTTP\/1\.1 504 /);
  slow.close();
  while (server.stats().calls.active > 0) await new Promise((next) => setTimeout(next, 1));
  const abort = new AbortController();
  const pending = fetch(`${url}/wait`, { ...json({}), signal: abort.signal });
  while (server.stats().calls.active === 0) await new Promise((next) => setTimeout(next, 1));
  abort.abort();
  await assert.rejects(pending);
  while (server.stats().calls.failed.CANCELLED !== 1) {
    await new Promise((next) => setTimeout(next, 1));
  }
});

Deno.test("Connect and gRPC-Web share an HTTP/2 connection with gRPC", async () => {
  await using server = await start();
  const session = connectHttp2(`http://${server.addresses[0]}`);
  const call = (type: string, body: Uint8Array, path = ECHO) =>
    new Promise<{ status: number; fields: Record<string, unknown>; body: Uint8Array }>(
      (resolve, reject) => {
        const stream = session.request({
          ":method": "POST",
          ":path": path,
          "content-type": type,
        });
        const parts: number[] = [];
        let fields: Record<string, unknown> = {};
        stream.on("response", (headers) => fields = headers);
        stream.on("data", (part: Uint8Array) => parts.push(...part));
        stream.on("error", reject);
        stream.on(
          "end",
          () =>
            resolve({ status: Number(fields[":status"]), fields, body: Uint8Array.from(parts) }),
        );
        stream.end(body);
      },
    );
  try {
    const unary = await call("application/json", utf8('{"payload":"AQID"}'));
    assert.equal(new TextDecoder().decode(unary.body), '{"payload":"AQID"}');
    assert.equal(unary.fields["x-wire"], "connect");
    const web = await call("application/grpc-web+json", Uint8Array.of(0, 0, 0, 0, 2, 123, 125));
    assert.equal(web.fields["x-wire"], "grpc-web");
    assert.match(new TextDecoder().decode(web.body), /\{\}.*grpc-status: 0\r\n$/s);
    const grpc = await call("application/grpc+json", Uint8Array.of(0, 0, 0, 0, 2, 123, 125));
    assert.equal(grpc.fields["content-type"], "application/grpc+json");
    assert.deepEqual([...grpc.body], [0, 0, 0, 0, 2, 123, 125]);
    assert.equal((await call("image/jpeg", utf8("x"))).status, 415);
    assert.equal(server.stats().calls.succeeded, 3);
  } finally {
    session.close();
  }
});

Deno.test("TLS negotiates HTTP/1.1 or HTTP/2 by ALPN (RFC 7301)", async () => {
  const { cert, key } = await selfSigned({ names: ["localhost", "127.0.0.1"] });
  await using server = await start({ tls: { cert, key } });
  for (const http2 of [true, false]) {
    using client = Deno.createHttpClient({ caCerts: [cert], http2, http1: !http2 });
    const url = `https://${server.addresses[0]}${ECHO}`;
    const response = await fetch(url, { ...json({ payload: "AQID" }), client });
    assert.deepEqual(await response.json(), { payload: "AQID" });
  }
  const { connections } = server.stats();
  assert.deepEqual([connections.grpc, connections.http1], [1, 1]);
});

Deno.test("a shutdown lets the call of an HTTP/1.1 connection finish, then closes it", async () => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/slow", { requestCodec: jsonCodec(), responseCodec: jsonCodec() }, async () => {
      started.resolve();
      await release.promise;
      return "done";
    });
  }, { web: true });
  const pending = fetch(`http://${server.addresses[0]}/slow`, json({}));
  await started.promise;
  const stopped = server.shutdown({ graceMs: 10_000 });
  release.resolve();
  const response = await pending;
  assert.equal(response.headers.get("connection"), "close");
  assert.equal(await response.json(), "done");
  await stopped;
});

Deno.test("a connection of HTTP/1.1 is drained at its age, and aborted after the grace", async () => {
  await using server = await start({ maxConnectionAgeMs: 50, maxConnectionAgeGraceMs: 50 });
  await assert.rejects(fetch(`http://${server.addresses[0]}/wait`, json({})).then((r) => r.text()));
  assert.equal(server.stats().calls.failed.CANCELLED, 1);
});

Deno.test("unary calls are gzipped when the server compresses and the caller accepts it", async () => {
  await using server = await start({ compress: true });
  const payload = "A".repeat(4_000);
  const url = `http://${server.addresses[0]}${ECHO}`;
  const response = await fetch(url, json({ payload }));
  assert.equal((await response.json()).payload, payload);
  const plain = await fetch(url, json({ payload }, { "accept-encoding": "identity" }));
  assert.equal(plain.headers.get("content-encoding"), null);
  await plain.body?.cancel();
});

Deno.test("request lines that no method begins are answered at once", async () => {
  await using server = await start({ limits: { prefaceTimeoutMs: 60_000 } });
  const [hostname, port] = server.addresses[0].split(":");
  const lines: [string, number][] = [
    ["GET\t/ HTTP/1.1\r\n", 400],
    ["GET\r/ HTTP/1.1\r\n", 400],
    ["GET/ HTTP/1.1\r\n", 400],
    ["GET\n", 400],
    [" GET / HTTP/1.1\r\n", 400],
    ["\r\n\r\nGET / HTTP/1.1\r\n", 400],
    ["get / HTTP/1.1\r\n", 405],
    ["\r\nGET / HTTP/1.1\r\n", 200],
  ];
  for (const [line, status] of lines) {
    const conn = await Deno.connect({ hostname, port: Number(port) });
    await conn.write(utf8(`${line}host: ${server.addresses[0]}\r\nconnection: close\r\n\r\n`));
    const answer = await new Response(conn.readable).text();
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), JSON.stringify([line, answer]));
  }
});
