import assert from "node:assert/strict";
import { join } from "node:path";
import {
  dialEgress,
  type EgressOptions,
  type EgressProxy,
  forwardEgress,
  serveEgress,
} from "../../../src/guest/mod.ts";
import type { Clock } from "../../../src/call/clock.ts";
import { startEgress } from "../../../src/guest/egress/proxy.ts";
import { systemClock } from "../../../src/rpc/core/system_clock.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { dial, listen, type Listener, type Resolver } from "../../../src/transport/mod.ts";
import type { ByteStream } from "../../../src/transport/types.ts";
import { FakeClock } from "../../../src/testing/fake_clock.ts";
import { until } from "../../fixtures/waiting.ts";

const utf8 = new TextEncoder();

/** Serves bytes back on TCP. */
async function echo(): Promise<AsyncDisposable & { port: number; open: Set<ByteStream> }> {
  const listener: Listener = await listen("127.0.0.1:0");
  const open = new Set<ByteStream>();
  const serve = async (stream: ByteStream) => {
    open.add(stream);
    const buffer = new Uint8Array(65_536);
    try {
      for (let count; (count = await stream.read(buffer)) !== null;) {
        for (let at = 0; at < count;) at += await stream.write(buffer.subarray(at, count));
      }
      await stream.closeWrite();
    } catch { /* the proxy has closed it */ }
    stream.close();
    open.delete(stream);
  };
  const accepting = (async () => {
    for (let one; (one = await listener.accept()) !== null;) serve(one);
  })();
  return {
    port: Number(listener.address.split(":").at(-1)),
    open,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await accepting;
      for (const stream of open) stream.close();
      await until(() => open.size === 0);
    },
  };
}

let folder: string | undefined;
let names = 0;
function unixAddress(): string {
  folder ??= Deno.makeTempDirSync();
  return `unix:${join(folder, `${++names}.sock`)}`;
}
globalThis.addEventListener("unload", () => folder && Deno.removeSync(folder, { recursive: true }));

const to = (...ips: string[]): Resolver => (_, port) =>
  Promise.resolve(ips.map((host) => ({ kind: "tcp", host, port })));

/** Serves a proxy that allows the name `echo.test`. */
function start(
  port: number,
  options: Partial<EgressOptions> = {},
  clock: Clock = systemClock,
): Promise<EgressProxy> {
  const all: EgressOptions = {
    allow: [`echo.test:${port}`],
    allowAddresses: ["127.0.0.0/8"],
    resolver: to("127.0.0.1"),
    ...options,
  };
  return startEgress(unixAddress(), all, clock);
}

async function readAll(stream: ByteStream): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let count; (count = await stream.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

/** Sends bytes to a proxy and returns what comes back. */
async function raw(proxy: EgressProxy, text: string): Promise<string> {
  const stream = await dial(proxy.addresses[0]);
  try {
    for (let rest = utf8.encode(text); rest.length > 0;) {
      rest = rest.subarray(await stream.write(rest));
    }
    return await readAll(stream);
  } finally {
    stream.close();
  }
}

Deno.test("an allowed destination is reached, and its bytes are counted", async () => {
  await using server = await echo();
  await using proxy = await start(server.port);
  const stream = await dialEgress(proxy.addresses[0], `echo.test:${server.port}`);
  await stream.write(utf8.encode("hello"));
  await stream.closeWrite();
  assert.equal(await readAll(stream), "hello");
  stream.close();
  await until(() => proxy.stats().connections === 0);
  const { opened, sentBytes, receivedBytes, tunnels } = proxy.stats();
  assert.deepEqual({ opened, sentBytes, receivedBytes, tunnels }, {
    ...{ opened: 1, sentBytes: 5, receivedBytes: 5, tunnels: 0 },
  });
});

Deno.test("what is not allowed is refused with 403 and the reason", async () => {
  await using server = await echo();
  const { port } = server;
  const answers: Record<string, Resolver> = {
    "metadata.test": to("169.254.169.254"),
    "mapped.test": to("::ffff:192.168.0.1"),
    "mixed.test": to("10.0.0.1", "127.0.0.1"),
    "echo.test": to("127.0.0.1"),
  };
  await using proxy = await start(port, {
    allow: [...Object.keys(answers).map((name) => `${name}:${port}`), "10.0.0.9:1"],
    resolver: (host, ...rest) => answers[host](host, ...rest),
  });
  const [address] = proxy.addresses;
  const refusals: readonly (readonly [string, RegExp])[] = [
    [`evil.test:${port}`, /evil\.test:\d+ is not an allowed destination \(403\)$/],
    ["echo.test:1", /echo\.test:1 is not an allowed destination/],
    [`127.0.0.1:${port}`, /127\.0\.0\.1:\d+ is not an allowed destination/],
    [`metadata.test:${port}`, /metadata\.test leads to 169\.254\.169\.254, a link-local address/],
    [`mapped.test:${port}`, /leads to ::ffff:192\.168\.0\.1, a private address/],
  ];
  for (const [destination, message] of refusals) {
    await assert.rejects(dialEgress(address, destination), { name: "TransportError", message });
  }
  assert.equal(proxy.stats().refused.forbidden, refusals.length);
  assert.equal(server.open.size, 0);
  // Of several addresses those that are allowed are used.
  (await dialEgress(address, `mixed.test:${port}`)).close();
  const answer = await raw(proxy, "CONNECT evil.test:1 HTTP/1.1\r\nhost: evil.test:1\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\ncontent-type: text\/plain; charset=utf-8\r\n/);
  assert.match(answer, /\r\n\r\nevil\.test:1 is not an allowed destination\n$/);
});

Deno.test("an IP address that is listed is allowed, whatever its range", async () => {
  await using server = await echo();
  await using proxy = await start(server.port, {
    allow: [`127.0.0.1:${server.port}`],
    allowAddresses: [],
  });
  (await dialEgress(proxy.addresses[0], `127.0.0.1:${server.port}`)).close();
});

Deno.test("destinations that cannot be reached are answered with 502 and the reason", async () => {
  const { port } = await (async () => {
    await using server = await echo();
    return server;
  })();
  await using proxy = await start(port, {
    allow: [`echo.test:${port}`, "none.test:1", "unknown.test:1", "name.test:1"],
    resolver: (host, ...rest) => {
      if (host === "unknown.test") throw new Error("no such name");
      if (host === "name.test") return Promise.resolve([{ kind: "dns", host, port: 1 }]);
      return to(...(host === "none.test" ? [] : ["127.0.0.1"]))(host, ...rest);
    },
  });
  const [address] = proxy.addresses;
  await assert.rejects(dialEgress(address, `echo.test:${port}`), /connection refused \(502\)/);
  await assert.rejects(dialEgress(address, "none.test:1"), /has no addresses \(502\)/);
  await assert.rejects(dialEgress(address, "unknown.test:1"), /no such name \(502\)/);
  await assert.rejects(dialEgress(address, "name.test:1"), /name\.test has no addresses \(502\)/);
  assert.equal(proxy.stats().refused.unreachable, 4);
});

Deno.test("requests that are no tunnels are answered, and bytes after CONNECT are forwarded", async () => {
  await using server = await echo();
  await using proxy = await start(server.port);
  const get = await raw(proxy, "GET https://echo.test/ HTTP/1.1\r\nhost: echo.test\r\n\r\n");
  assert.match(get, /^HTTP\/1\.1 405 [^]*allow: CONNECT\r\n[^]*send CONNECT host:port\n$/);
  assert.match(await raw(proxy, "nonsense\r\n\r\n"), /^HTTP\/1\.1 400 /);
  const stream = await dial(proxy.addresses[0]);
  const target = `echo.test:${server.port}`;
  await stream.write(utf8.encode(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n\r\nearly`));
  await stream.closeWrite();
  assert.match(await readAll(stream), /^HTTP\/1\.1 200 Connection established\r\n\r\nearly$/);
  stream.close();
});

Deno.test("over the limit of connections, further ones are told to try later", async () => {
  await using server = await echo();
  await using proxy = await start(server.port, { maxConnections: 1 });
  const target = `echo.test:${server.port}`;
  const first = await dialEgress(proxy.addresses[0], target);
  await assert.rejects(dialEgress(proxy.addresses[0], target), /1 connections are open .*\(503\)/);
  assert.equal(proxy.stats().refused.busy, 1);
  first.close();
  await until(() => proxy.stats().connections === 0);
  (await dialEgress(proxy.addresses[0], target)).close();
});

Deno.test("a peer that sends no request, or an endless one, is closed", async () => {
  await using server = await echo();
  const clock = new FakeClock(1000.25);
  await using proxy = await start(server.port, { requestTimeoutMs: 500 }, clock);
  const silent = await dial(proxy.addresses[0]);
  await until(() => clock.pendingTimers > 0);
  clock.tick(501);
  assert.equal(await silent.read(new Uint8Array(1)).catch(() => null), null);
  silent.close();
  await until(() => proxy.stats().connections === 0);
  assert.equal(proxy.stats().refused.malformed, 1);
  assert.match(await raw(proxy, `CONNECT ${"a".repeat(70_000)}`).catch(() => "431"), /414|431/);
});

Deno.test("shutdown closes tunnels after its grace, and the address is free", async () => {
  await using server = await echo();
  const proxy = await start(server.port);
  const stream = await dialEgress(proxy.addresses[0], `echo.test:${server.port}`);
  await proxy.shutdown({ graceMs: 10 });
  assert.equal(await stream.read(new Uint8Array(1)).catch(() => null), null);
  stream.close();
  assert.equal(proxy.stats().connections, 0);
  await assert.rejects(dial(proxy.addresses[0]));
});

Deno.test("TLS runs end to end: by dialEgress, and by fetch through a forwarded address", async () => {
  const { cert, key } = await selfSigned();
  const https = Deno.serve(
    { port: 0, hostname: "127.0.0.1", cert, key, onListen() {} },
    (request) => new Response(`path ${new URL(request.url).pathname}`),
  );
  const target = `localhost:${https.addr.port}`;
  await using proxy = await start(1, { allow: [target] });
  const stream = await dialEgress(proxy.addresses[0], target, { tls: { ca: cert } });
  await stream.write(
    utf8.encode("GET /a HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"),
  );
  assert.match(await readAll(stream), /^HTTP\/1\.1 200 OK\r\n[^]*path \/a$/);
  stream.close();

  await using forwarder = await forwardEgress("127.0.0.1:0", proxy.addresses[0]);
  const client = Deno.createHttpClient({
    proxy: { url: `http://${forwarder.address}` },
    caCerts: [cert],
  });
  assert.equal(await (await fetch(`https://${target}/b`, { client })).text(), "path /b");
  await assert.rejects(fetch("https://evil.test/", { client }));
  client.close();
  assert.equal(proxy.stats().refused.forbidden, 1);
  await https.shutdown();
});

Deno.test("deadlines and signals end a dial through a proxy that does not answer", async () => {
  const listener = await listen(unixAddress());
  const accepted: ByteStream[] = [];
  const accepting = (async () => {
    for (let one; (one = await listener.accept()) !== null;) accepted.push(one);
  })();
  const { address } = listener;
  await assert.rejects(dialEgress(address, "a.test:1", { timeoutMs: 20 }), /timed out after 20 ms/);
  const abort = new AbortController();
  const dialling = dialEgress(address, "a.test:1", { signal: abort.signal });
  await until(() => accepted.length === 2);
  abort.abort(new Error("enough"));
  await assert.rejects(dialling, /enough/);
  const wrong = dialEgress(address, "a.test:1");
  await until(() => accepted.length === 3);
  await accepted[2].write(utf8.encode("SSH-2.0-OpenSSH\r\n\r\n"));
  await assert.rejects(wrong, /the proxy's answer is not HTTP/);
  await listener.close();
  await accepting;
  for (const stream of accepted) stream.close();
  await assert.rejects(dialEgress(address, "a.test"), RangeError);
});

Deno.test("options that are wrong are refused", async () => {
  const allow = ["a.test:1"];
  const wrong: readonly (readonly [Partial<EgressOptions>, RegExp])[] = [
    [{ allow: [] }, /allow/],
    [{ allow: ["*.test:1"] }, /without wildcards/],
    [{ allow, allowAddresses: ["10.0.0.0/99"] }, /address range/],
    [{ allow, maxConnections: 0 }, /maxConnections/],
    [{ allow, maxTunnelBytes: NaN }, /maxTunnelBytes/],
    [{ allow, idleTimeoutMs: 0 }, /idleTimeoutMs/],
    [{ allow, allowVsockCids: [-1] }, /allowVsockCids/],
    [{ allow, resolver: 1 as never }, /resolver/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(serveEgress(unixAddress(), options as EgressOptions), message);
  }
});
