import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { Echo } from "../../../proto/gen/bench/echo_pb.ts";
import { connect, RpcError, serve, type ServeOptions, type Server, Status } from "../../../mod.ts";
import type { Router } from "../../../src/rpc/dispatch/router.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { dial } from "../../../src/transport/dial.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { text } from "../../fixtures/bytes.ts";
import { until } from "../../fixtures/waiting.ts";
import { captureLog } from "../../../src/testing/captured_log.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

function start(options: ServeOptions = {}, configure: (router: Router) => void = () => {}) {
  return serve("127.0.0.1:0", (router) => {
    router.service(Echo, { unary: (request) => request, bidi: (requests) => requests });
    router.method("/echo", {}, (request) => request);
    configure(router);
  }, options);
}

function tcp(server: Server): Promise<Deno.TcpConn> {
  const [hostname, port] = server.addresses[0].split(":");
  return Deno.connect({ hostname, port: Number(port) });
}

async function readAll(conn: Deno.Conn): Promise<string> {
  try {
    return await new Response(conn.readable).text();
  } catch (error) {
    return `reset: ${(error as Error).message}`;
  }
}

async function codeOf(call: Promise<unknown>): Promise<Status> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    return error.code;
  }
  return Status.OK;
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`serve() serves ${wire} calls on all addresses and shuts down`, async () => {
    const socket = `unix:${await Deno.makeTempDir()}/s.sock`;
    const server = await serve(["127.0.0.1:0", socket], (router) => {
      router.method("/wire", {}, (_, context) => text(`${context.wire} ${context.peer.transport}`));
    });
    assert.equal(server.addresses.length, 2);
    assert.notEqual(server.addresses[0], "127.0.0.1:0");
    for (const [i, transport] of ["tcp", "unix"].entries()) {
      await using channel = connect(server.addresses[i], { wire });
      const reply = await channel.call("/wire", bytes());
      assert.equal(new TextDecoder().decode(reply), `${wire} ${transport}`);
    }
    const { connections, calls } = server.stats();
    assert.equal(connections.accepted, 2);
    assert.equal(connections[wire], 2);
    assert.equal(calls.succeeded, 2);
    await server.shutdown();
    await server.finished;
    assert.equal(server.stats().connections.open, 0);
  });

  Deno.test(`serve() serves ${wire} calls over TLS, selected by ALPN`, async () => {
    const { cert, key } = await selfSigned({ names: ["localhost", "127.0.0.1"] });
    await using server = await start(
      { tls: { cert, key } },
      (router) =>
        router.method("/alpn", {}, (_, context) => text(context.peer.tls?.alpn ?? "none")),
    );
    await using channel = connect(server.addresses[0], { wire, tls: { ca: cert } });
    const reply = new TextDecoder().decode(await channel.call("/alpn", bytes()));
    assert.equal(reply, wire === "grpc" ? "h2" : "vrpc-lean/1");
  });
}

Deno.test("RFC 9110 §15.5.22: an HTTP/1 request gets 426 with infoText", async () => {
  await using server = await start();
  const conn = await tcp(server);
  await conn.write(text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  const answer = await readAll(conn);
  assert.match(answer, /^HTTP\/1\.1 426 /);
  assert.match(answer, /vrpc server.*gRPC.*lean/);
  assert.equal(server.stats().connections.http1, 1);
});

Deno.test("GET / names the protocols that the server speaks, unless infoText says otherwise", async () => {
  const cases: [ServeOptions, RegExp][] = [
    [{ web: true }, /gRPC .*lean RPC, gRPC-Web and Connect\.\n$/],
    [{ web: true, infoText: "mine\n" }, /^mine\n$/],
  ];
  for (const [options, expected] of cases) {
    await using server = await serve("127.0.0.1:0", () => {}, options);
    const response = await fetch(`http://${server.addresses[0]}/`);
    assert.match(await response.text(), expected);
  }
});

Deno.test("connections of unknown protocols are closed and counted", async () => {
  await using server = await start();
  for (const opening of [bytes(0x16, 3, 1, 0, 5), bytes(0), text("PRI * HTTP/3"), bytes(255)]) {
    const conn = await tcp(server);
    await conn.write(opening);
    await readAll(conn);
  }
  assert.equal(server.stats().connections.unknown, 4);
  assert.equal(server.stats().connections.open, 0);
});

Deno.test("prefaceTimeoutMs covers everything from accept to a complete preface, TLS included", async () => {
  const { cert, key } = await selfSigned({ names: ["localhost"] });
  for (const options of [{}, { tls: { cert, key } }]) {
    await using server = await start({ ...options, limits: { prefaceTimeoutMs: 100 } });
    const begin = performance.now();
    // Single bytes do not extend it.
    const conns = await Promise.all([tcp(server), tcp(server)]);
    await conns[1].write(text("PRI * "));
    await Promise.all(conns.map(readAll));
    assert.ok(performance.now() - begin >= 90);
    assert.equal(server.stats().connections.unopened, 2);
  }
});

Deno.test("a connection whose preface arrived while the thread was blocked is served", async () => {
  await using server = await start({ web: true, limits: { prefaceTimeoutMs: 100 } });
  for (let i = 0; i < 5; i++) {
    const conn = await tcp(server);
    await until(() => server.stats().connections.open === 1);
    await conn.write(text("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
    assert.match(await readAll(conn), /^HTTP\/1\.1 4/);
    await until(() => server.stats().connections.open === 0);
  }
  assert.equal(server.stats().connections.unopened, 0);
});

Deno.test("a failed TLS handshake is logged as a warning once, a port probe never", async () => {
  await using log = await captureLog({ lowestLevel: "debug" });
  const { cert, key } = await selfSigned({ names: ["localhost"] });
  await using server = await start({ tls: { cert, key } });
  for (const opening of [bytes(), text("GET / HTTP/1.1\r\n\r\n"), text("PRI * HTTP/2.0\r\n")]) {
    const conn = await tcp(server);
    if (opening.length > 0) await conn.write(opening);
    else await conn.closeWrite();
    await readAll(conn);
  }
  assert.equal(server.stats().connections.unopened, 3);
  const warnings = log.records.filter(({ level }) => level === "warning");
  assert.deepEqual(warnings.map(({ rawMessage }) => rawMessage), [
    "{reason}; closed (logged as a warning once)",
  ]);
  assert.match(String(warnings[0].properties.reason), /^TLS handshake with 127.* speak TLS$/);
});

Deno.test("connections over maxConnections are closed at once", async () => {
  await using server = await start({ limits: { maxConnections: 1 } });
  await using channel = connect(server.addresses[0]);
  await channel.call("/echo", bytes(1));
  const conn = await tcp(server);
  await readAll(conn);
  assert.equal(server.stats().connections.refused, 1);
  assert.deepEqual(await channel.call("/echo", bytes(2)), bytes(2));
});

Deno.test("pending accepts do not starve open connections", async () => {
  const server = await serve(`memory:${crypto.randomUUID()}`, () => {});
  const dialed = await Promise.all(Array.from({ length: 200 }, () => dial(server.addresses[0])));
  const accepted: number[] = [];
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve));
    accepted.push(server.stats().connections.accepted);
    if (accepted.at(-1) === 200) break;
  }
  assert.ok(accepted.length > 100, `200 connections were accepted in ${accepted.length} turns`);
  for (const stream of dialed) stream.close();
  await server.close();
  assert.equal(server.stats().connections.open, 0);
});

Deno.test("serveConnection() serves a given stream if allowVsockCids has its context id", async () => {
  await using server = await start({ allowVsockCids: [16] });
  for (const [vsockCid, allowed] of [[16, true], [17, false], [undefined, true]] as const) {
    const [near, far] = memoryPair();
    server.serveConnection(Object.assign(far, { peer: { ...far.peer, vsockCid } }));
    await using channel = connect("memory:any", {
      dial: () => Promise.resolve(near),
      connectTimeoutMs: 1000,
    });
    const code = await codeOf(channel.call("/echo", bytes(1), { timeoutMs: 2000 }));
    assert.equal(code, allowed ? Status.OK : Status.UNAVAILABLE);
  }
  assert.equal(server.stats().connections.refused, 1);
});

Deno.test("refused vsock context ids are a warning once", async () => {
  await using log = await captureLog({ lowestLevel: "warning" });
  await using server = await start({ allowVsockCids: [16] });
  for (let i = 0; i < 50; i++) {
    const far = memoryPair()[1];
    server.serveConnection(Object.assign(far, { peer: { ...far.peer, vsockCid: 17 } }));
  }
  assert.equal(server.stats().connections.refused, 50);
  assert.equal(log.records.length, 1);
});

Deno.test("every callback of onDrain and onClose runs, whichever fails or never ends", async () => {
  const ran: string[] = [];
  const fails = () => {
    throw new Error("callback");
  };
  const server = await start({}, (router) => {
    router.onDrain(fails).onDrain(() => Promise.reject(new Error("drain"))).onDrain(() => {
      ran.push("drain");
    });
    router.onClose(fails).onClose(() => Promise.reject(new Error("close"))).onClose(() =>
      void ran.push("close")
    );
    router.onClose(() => new Promise(() => {}));
  });
  // The server's own timers don't keep a process alive.
  const alive = setInterval(() => {}, 1_000);
  await server.shutdown();
  clearInterval(alive);
  assert.deepEqual(ran, ["drain", "close"]);
});

Deno.test("connections that break the protocol cause a bounded number of warnings", async () => {
  await using log = await captureLog({ lowestLevel: "debug" });
  await using server = await start();
  // RFC 9113 §3.4: the preface must be followed by SETTINGS; this is a PING.
  const broken = text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0");
  const startMs = performance.now();
  for (let i = 0; i < 100; i++) {
    const [near, far] = memoryPair();
    server.serveConnection(far);
    await near.write(broken);
    const buffer = new Uint8Array(1_000);
    while (await near.read(buffer) !== null);
    near.close();
  }
  const closed = log.records.filter(({ rawMessage }) => rawMessage === "{peer}: {message}");
  assert.equal(closed.length, 100);
  const warnings = closed.filter(({ level }) => level === "warning");
  const most = 10 + Math.ceil((performance.now() - startMs) / 1_000);
  assert.ok(warnings.length >= 10 && warnings.length <= most, `${warnings.length} of ${most}`);
});

Deno.test("shutdown() lets open calls finish and accepts no new connections", async () => {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<Uint8Array>();
  const server = await start({}, (router) =>
    router.method("/slow", {}, () => {
      started.resolve();
      return release.promise;
    }));
  await using channel = connect(server.addresses[0]);
  const slow = channel.call("/slow", bytes());
  await started.promise;
  const shutdown = server.shutdown();
  assert.equal(server.shutdown(), shutdown);
  const late = await tcp(server).then(readAll, () => "refused");
  assert.match(late, /^(refused|reset.*|)$/);
  release.resolve(bytes(9));
  assert.deepEqual(await slow, bytes(9));
  await shutdown;
  await server.finished;
});

Deno.test("shutdown() cancels open calls after graceMs and resolves although a handler never ends", async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const server = await start({}, (router) =>
    router.method("/never", {}, (_, context) => {
      started.resolve(context.signal);
      return new Promise(() => {});
    }));
  await using channel = connect(server.addresses[0]);
  const call = codeOf(channel.call("/never", bytes()));
  const signal = await started.promise;
  await server.shutdown({ graceMs: 20 });
  assert.equal(signal.aborted, true);
  assert.ok([Status.UNAVAILABLE, Status.CANCELLED].includes((await call) as 1 | 14));
  // An invalid graceMs does not begin the shutdown.
  const other = await start();
  await assert.rejects(other.shutdown({ graceMs: -1 }), RangeError);
  await assert.rejects(other.shutdown({ graceMs: NaN }), RangeError);
  await other.shutdown();
});

Deno.test("a lost connection fires the signals of its handlers", async () => {
  const left = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  await using server = await start({}, (router) =>
    router.method("/wait", {}, (_, context) => {
      context.signal.addEventListener("abort", () => left.resolve());
      started.resolve();
      return left.promise.then(() => bytes());
    }));
  const channel = connect(server.addresses[0]);
  const call = codeOf(channel.call("/wait", bytes()));
  await started.promise;
  await channel.close();
  await left.promise;
  assert.notEqual(await call, Status.OK);
});

Deno.test("calls made by a handler inherit its deadline", async () => {
  let inner = Infinity;
  await using back = await start({}, (router) =>
    router.method("/inner", {}, (request, context) => {
      inner = context.timeRemainingMs();
      return request;
    }));
  await using channel = connect(back.addresses[0]);
  await using front = await start({}, (router) =>
    router.method("/outer", {}, async (request) => {
      await Promise.resolve();
      return await channel.call("/inner", request);
    }));
  await using outer = connect(front.addresses[0]);
  await outer.call("/outer", bytes(1), { timeoutMs: 5000 });
  assert.ok(inner > 0 && inner <= 5000, `${inner}`);
});

Deno.test("serve() rejects invalid addresses and options and closes what it has opened", async () => {
  await using server = await start();
  await assert.rejects(serve(["127.0.0.1:0", server.addresses[0]], () => {}), /in use/i);
  await assert.rejects(
    serve("127.0.0.1:0", () => {}, { limits: { maxConnections: 0 } }),
    RangeError,
  );
  await assert.rejects(
    serve("127.0.0.1:0", () => {}, { limits: { maxConcurrentStreams: 0 } }),
    RangeError,
  );
  await assert.rejects(serve("nonsense", () => {}), TypeError);
});
