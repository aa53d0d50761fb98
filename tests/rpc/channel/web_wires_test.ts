/** Channels by Connect and gRPC-Web to servers that are not this project's. */

import assert from "node:assert/strict";
import { type Channel, type ChannelOptions, connect, Status } from "../../../mod.ts";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { createAuthority } from "../../../src/transport/certs.ts";
import { bytesCodec } from "../../../src/codec/bytes.ts";
import { concat, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";

/** Serves Connect's unary calls by the runtime's own server, over HTTP/1.1 and HTTP/2 in clear text. */
async function withServer(
  handler: (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>,
  test: (url: string) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, signal: stop.signal },
    handler,
  );
  try {
    await test(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    stop.abort();
    await server.finished;
  }
}

const reply = (body: BodyInit, type = "application/proto", more = {}) =>
  new Response(body, { headers: { "content-type": type, ...more } });

const method = (channel: Channel, idempotent: boolean) =>
  channel.method<Uint8Array, Uint8Array>({
    path: "/a.B/C",
    kind: "unary",
    requestCodec: bytesCodec,
    responseCodec: bytesCodec,
    idempotent,
  });

const VERSIONS = ["1.1", "2"] as const;
// A back-off that no test waits for: a connection that were throttled would let it time out.
const NO_BACKOFF: ChannelOptions = { initialBackoffMs: 600_000, timeoutMs: 20_000 };

for (const httpVersion of VERSIONS) {
  Deno.test(`a typed client, by URL with a path, in both formats: HTTP/${httpVersion}`, async () => {
    const seen: string[] = [];
    await withServer(async (request) => {
      const type = request.headers.get("content-type")!;
      seen.push(`${new URL(request.url).pathname} ${type}`);
      return reply(await request.bytes(), type);
    }, async (url) => {
      for (const codec of ["proto", "json"] as const) {
        await using channel = connect(`${url}/api/`, { wire: "connect", httpVersion, codec });
        const { payload } = await channel.client(Echo).unary({ payload: text("hi") });
        assert.equal(untext(payload), "hi");
      }
    });
    assert.deepEqual(seen, [
      "/api/bench.Echo/Unary application/proto",
      "/api/bench.Echo/Unary application/json",
    ]);
  });

  Deno.test(`retries by the service config: HTTP/${httpVersion}`, async () => {
    let count = 0;
    const serviceConfig = {
      methodConfig: [{
        name: [{}],
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: "0.001s",
          maxBackoff: "0.001s",
          backoffMultiplier: 1,
          retryableStatusCodes: ["UNAVAILABLE"],
        },
      }],
    };
    await withServer(async (request) => {
      await request.bytes();
      return ++count < 3 ? new Response("busy", { status: 503 }) : reply("done");
    }, async (url) => {
      await using channel = connect(url, { wire: "connect", httpVersion, serviceConfig });
      assert.equal(untext(await channel.call("/a.B/C", text("hi"))), "done");
      assert.equal(channel.stats().retries, 2);
    });
  });

  Deno.test(`a deadline reaches the server and ends the call: HTTP/${httpVersion}`, async () => {
    const aborted = Promise.withResolvers<void>();
    let timeout: string | null = null;
    await withServer((request) => {
      timeout = request.headers.get("connect-timeout-ms");
      request.signal.addEventListener("abort", () => aborted.resolve());
      return new Promise<Response>((resolve) =>
        request.signal.addEventListener("abort", () => resolve(new Response()))
      );
    }, async (url) => {
      await using channel = connect(url, { wire: "connect", httpVersion });
      await channel.ready();
      const error = await failure(channel.call("/a.B/C", text("hi"), { timeoutMs: 200 }));
      assert.equal(error.code, Status.DEADLINE_EXCEEDED);
      await aborted.promise;
    });
    assert.ok(Number(timeout) > 0 && Number(timeout) <= 200, String(timeout));
  });
}

Deno.test("HTTP/1.1: as many connections as calls, up to the pool's size", async () => {
  const waiting: (() => void)[] = [];
  const ports = new Set<number>();
  await withServer(async (request, { remoteAddr }) => {
    await request.bytes();
    ports.add((remoteAddr as Deno.NetAddr).port);
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 10) { for (const one of waiting) one(); }
    });
    return reply("done");
  }, async (url) => {
    await using channel = connect(url, { wire: "connect", httpVersion: "1.1" });
    const calls = Array.from({ length: 10 }, () => channel.call("/a.B/C", text("hi")));
    assert.deepEqual((await Promise.all(calls)).map(untext), Array(10).fill("done"));
    assert.equal(ports.size, 10);
  });
});

Deno.test("HTTP/1.1: cancelled calls and responses that close do not delay the next dial", async () => {
  let arrived = Promise.withResolvers<void>();
  await withServer(async (request) => {
    const body = await request.text();
    if (body !== "hang") return reply("done", "application/proto", { connection: "close" });
    arrived.resolve();
    return new Promise<Response>((resolve) =>
      request.signal.addEventListener("abort", () => resolve(new Response()))
    );
  }, async (url) => {
    const options: ChannelOptions = { wire: "connect", httpVersion: "1.1", ...NO_BACKOFF };
    await using channel = connect(url, options);
    for (let i = 0; i < 5; i++) {
      const abort = new AbortController();
      const call = failure(channel.call("/a.B/C", text("hang"), { signal: abort.signal }));
      await Promise.race([arrived.promise, call]);
      arrived = Promise.withResolvers();
      abort.abort();
      assert.equal((await call).code, Status.CANCELLED);
    }
    for (let i = 0; i < 5; i++) {
      assert.equal(untext(await channel.call("/a.B/C", text("hi"))), "done");
    }
  });
});

/** A server that answers the first request of each connection, and closes it when the second one arrives. */
async function withClosingServer(test: (address: string, requests: () => number) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let requests = 0;
  const serve = async (conn: Deno.Conn) => {
    let received: Uint8Array = new Uint8Array();
    const buffer = new Uint8Array(4_096);
    for (let answered = 0;;) {
      const count = await conn.read(buffer).catch(() => null);
      if (count === null) return conn.close();
      received = concat(received, buffer.subarray(0, count));
      if (!untext(received).endsWith("\r\n\r\nhi")) continue;
      requests++;
      received = new Uint8Array();
      if (answered++ > 0) return conn.close();
      await conn.write(
        text("HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 4\r\n\r\ndone"),
      );
    }
  };
  const connections: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) connections.push(serve(conn));
  })();
  try {
    await test(`127.0.0.1:${listener.addr.port}`, () => requests);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(connections);
  }
}

Deno.test("RFC 9110 §9.2.2: only idempotent calls are repeated when an idle connection closes", async () => {
  const options: ChannelOptions = { wire: "connect", httpVersion: "1.1", poolSize: 1 };
  await withClosingServer(async (address, requests) => {
    await using channel = connect(address, options);
    const { unary } = method(channel, true);
    assert.equal(untext(await unary(text("hi"))), "done");
    assert.equal(untext(await unary(text("hi"))), "done");
    assert.equal(requests(), 3);
  });
  await withClosingServer(async (address, requests) => {
    await using channel = connect(address, options);
    const { unary } = method(channel, false);
    assert.equal(untext(await unary(text("hi"))), "done");
    const error = await failure(unary(text("hi")));
    assert.equal(error.code, Status.UNAVAILABLE);
    assert.equal(requests(), 2);
  });
});

for (const codec of ["proto", "json"] as const) {
  Deno.test(`health checks in ${codec}, which spare connections with a call: HTTP/1.1`, async () => {
    const checked: string[] = [];
    let release!: () => void;
    await withServer(async (request) => {
      const type = request.headers.get("content-type")!;
      const body = await request.text();
      if (new URL(request.url).pathname === "/grpc.health.v1.Health/Check") {
        checked.push(body);
        return reply(codec === "json" ? '{"status":"SERVING"}' : "\x08\x01", type);
      }
      await new Promise<void>((resolve) => release = resolve);
      return reply(body, type);
    }, async (url) => {
      const healthCheck = { service: "x", intervalMs: 10, timeoutMs: 100 };
      const options: ChannelOptions = { wire: "connect", httpVersion: "1.1", codec, healthCheck };
      await using channel = connect(url, { ...options, poolSize: 1 });
      await channel.ready();
      const call = channel.call("/a.B/C", text("hi"));
      // Longer than interval and time limit of a check: a check that waited for an answer would end the call.
      await new Promise((resolve) => setTimeout(resolve, 250));
      release();
      assert.equal(untext(await call), "hi");
    });
    assert.equal(checked[0], codec === "json" ? '{"service":"x"}' : "\n\x01x");
  });
}

Deno.test("RFC 9112 §9.6: the answer of a server that closes without reading the request arrives", async () => {
  const authority = await createAuthority();
  const { cert, key } = await authority.issueServer();
  const at = { hostname: "127.0.0.1", port: 0 };
  for (const tls of [undefined, { ca: authority.cert }]) {
    const listener = tls ? Deno.listenTls({ ...at, cert, key }) : Deno.listen(at);
    const serving = answerAndClose(listener).catch(() => {});
    const { port, hostname } = listener.addr as Deno.NetAddr;
    {
      await using channel = connect(`${hostname}:${port}`, {
        wire: "connect",
        httpVersion: "1.1",
        poolSize: 1,
        tls,
      });
      for (let i = 0; i < 5; i++) {
        const error = await failure(channel.call("/a.B/C", new Uint8Array(8_000_000)));
        assert.equal(error.message, "too large");
        assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
      }
    }
    listener.close();
    await serving;
  }
});

/** Answers each connection before it has read the request, and closes it. */
async function answerAndClose(listener: Deno.Listener): Promise<void> {
  const json = '{"code":"resource_exhausted","message":"too large"}';
  const head = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n" +
    `content-length: ${json.length}\r\nconnection: close\r\n\r\n`;
  for await (const conn of listener) {
    await conn.read(new Uint8Array(1_000));
    await conn.write(text(head + json));
    // Unread input makes this a reset, at which the client's writes fail.
    conn.close();
  }
}

Deno.test("options that belong to another wire are a TypeError", () => {
  const cases: [ChannelOptions, RegExp][] = [
    [{ httpVersion: "1.1" }, /httpVersion "1.1" with the grpc wire/],
    [{ wire: "lean", httpVersion: "1.1" }, /httpVersion "1.1" with the lean wire/],
    [{ wire: "lean", codec: "json" }, /codec "json" with the lean wire/],
    [{ wire: "grpc-web", useHttpGet: true }, /useHttpGet with the grpc-web wire/],
    [{ wire: "connect", batch: true }, /batch with the connect wire/],
    [{ httpVersion: "3" as "2" }, /httpVersion/],
    [{ codec: "text" as "json" }, /codec/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => connect("127.0.0.1:1", options), message);
  }
});
