import assert from "node:assert/strict";
import { connect, type RpcError, serve } from "../../mod.ts";
import { createAuthority } from "../../src/transport/certs.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { openTunnel, parseProxy, proxyFor } from "../../src/transport/proxy.ts";
import { startConnectProxy } from "../fixtures/connect_proxy.ts";

const TARGET = { host: "server.test", port: 50051 };
const NAME = "server.test";

const start = (tls?: { cert: string; key: string }) =>
  serve("127.0.0.1:0", (router) => {
    router.method("/test.Echo/Echo", {}, (request) => request);
  }, { tls });
const portOf = (address: string) => address.split(":").at(-1)!;

for (const wire of ["grpc", "lean"] as const) {
  for (const balancer of [undefined, "round_robin"] as const) {
    Deno.test(`a channel reaches a name that only the proxy knows: ${wire}, ${balancer}`, async () => {
      await using server = await start();
      await using proxy = await startConnectProxy("us er:p@ss");
      const target = `${NAME}:${portOf(server.addresses[0])}`;
      await using channel = connect(target, {
        ...{ wire, balancer },
        proxy: `http://us%20er:p%40ss@127.0.0.1:${proxy.port}`,
      });
      assert.equal((await channel.call("/test.Echo/Echo", new Uint8Array(9))).length, 9);
      assert.deepEqual(proxy.asked, [{ target, authorization: `Basic ${btoa("us er:p@ss")}` }]);
    });
  }
}

Deno.test("TLS runs inside the tunnel, and verifies the target's name", async () => {
  const authority = await createAuthority();
  await using server = await start(await authority.issueServer({ names: [NAME] }));
  await using proxy = await startConnectProxy();
  const port = portOf(server.addresses[0]);
  const call = async (host: string) => {
    await using channel = connect(`${host}:${port}`, {
      tls: { ca: authority.cert },
      proxy: `127.0.0.1:${proxy.port}`,
    });
    return await channel.call("/test.Echo/Echo", new Uint8Array(9));
  };
  assert.equal((await call(NAME)).length, 9);
  await assert.rejects(call("other.test"), /certificate/);
});

Deno.test("a proxy that refuses fails the calls, with its answer", async () => {
  await using server = await start();
  await using proxy = await startConnectProxy("user:secret");
  const at = `127.0.0.1:${proxy.port}`;
  const target = `${NAME}:${portOf(server.addresses[0])}`;
  await using refused = connect(target, { proxy: `http://user:wrong@${at}` });
  await assert.rejects(refused.call("/test.Echo/Echo", new Uint8Array()), (error: RpcError) => {
    assert.match(error.message, /through the proxy 127\.0\.0\.1:\d+: it answered 407 Proxy Auth/);
    assert.doesNotMatch(error.message, /wrong/);
    return true;
  });
  await using closed = connect(`${NAME}:1`, { proxy: `http://user:secret@${at}` });
  await assert.rejects(closed.call("/test.Echo/Echo", new Uint8Array()), /it answered 502 Bad/);
});

Deno.test("proxyFor() reads the environment when the option is true", () => {
  const of = (variables: Record<string, string>, option: boolean | string = true) =>
    proxyFor(option, TARGET, (name) => variables[name])?.host;
  assert.equal(of({ grpc_proxy: "http://a", https_proxy: "http://b" }), "a");
  assert.equal(of({ https_proxy: "http://b:1", http_proxy: "c" }), "b");
  assert.equal(of({ HTTPS_PROXY: "b:1" }), "b");
  assert.equal(of({ http_proxy: "http://c" }), "c");
  assert.equal(of({ HTTP_PROXY: "http://c" }), undefined);
  assert.equal(of({ https_proxy: "b", no_proxy: "server.test" }), undefined);
  assert.equal(of({ https_proxy: "b", no_grpc_proxy: "x", no_proxy: "server.test" }), "b");
  assert.equal(of({ https_proxy: "b" }, false), undefined);
  assert.equal(of({ https_proxy: "b", no_proxy: "*" }, "http://d"), "d");
  assert.throws(
    () => of({ https_proxy: "socks5://b" }),
    /Cannot use https_proxy: its scheme is so/,
  );
});

Deno.test("parseProxy() refuses what is no proxy, without showing a password", () => {
  assert.deepEqual(parseProxy("proxy", "[::1]:3128"), {
    host: "::1",
    port: 3128,
    authorization: undefined,
  });
  assert.equal(parseProxy("proxy", "http://proxy").port, 80);
  for (const url of ["https://u:secret@proxy", "http://u:secret@", "http://", 5 as never]) {
    assert.throws(() => parseProxy("proxy", url), (error: Error) => {
      assert.match(error.message, /^Cannot use proxy: /);
      return !error.message.includes("secret");
    });
  }
});

Deno.test("openTunnel() bounds the answer's head, and passes on what follows it", async () => {
  const proxy = parseProxy("proxy", "proxy:3128");
  const answer = async (text: string) => {
    const [near, far] = memoryPair();
    const tunnel = openTunnel(near, proxy, TARGET);
    const buffer = new Uint8Array(1_024);
    const count = await far.read(buffer);
    const request = new TextDecoder().decode(buffer.subarray(0, count!));
    assert.equal(request, "CONNECT server.test:50051 HTTP/1.1\r\nhost: server.test:50051\r\n\r\n");
    const bytes = new TextEncoder().encode(text);
    (async () => {
      for (let at = 0; at < bytes.length;) at += await far.write(bytes.subarray(at));
      await far.closeWrite();
    })().catch(() => {});
    return await tunnel;
  };
  const stream = await answer("HTTP/1.1 200 OK\r\n\r\nhello");
  const buffer = new Uint8Array(8);
  assert.equal(await stream.read(buffer), 5);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, 5)), "hello");
  stream.close();
  await assert.rejects(answer("SSH-2.0\r\n\r\n"), /its answer is not HTTP\/1\.1/);
  await assert.rejects(answer("HTTP/1.1 200 OK\r\n"), /it closed the connection/);
  await assert.rejects(answer(`HTTP/1.1 200 OK\r\na: ${"b".repeat(20_000)}`), /more than 16384/);
});
