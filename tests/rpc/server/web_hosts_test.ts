import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect, jsonCodec, serve, type WebOptions } from "../../../mod.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { statusOf } from "../../fixtures/raw_http.ts";

const CALL = "/sum?connect=v1&encoding=json&message=%5B1%2C2%5D";

async function start(
  options: { web?: WebOptions; address?: string; tls?: { cert: string; key: string } } = {},
) {
  const { web = {}, address = "127.0.0.1:0", tls } = options;
  return await serve(address, (router) => {
    router.method("/sum", {
      requestCodec: jsonCodec<number[]>(),
      responseCodec: jsonCodec<number>(),
      safe: true,
    }, (numbers) => numbers.reduce((a, b) => a + b, 0));
  }, { web, tls });
}

const portOf = (address: string) => address.slice(address.lastIndexOf(":") + 1);

Deno.test("a page that rebinds its name to the server gets 421 for calls by GET, and for GET / (RFC 9110 §15.5.20)", async () => {
  await using server = await start();
  const [address] = server.addresses;
  const port = portOf(address);
  for (const path of [CALL, "/"]) {
    const url = `http://${address}${path}`;
    for (const host of [address, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`]) {
      assert.equal(await statusOf(url, host), 200, host);
    }
    for (const host of ["evil.example", `evil.example:${port}`, "localhost", "10.0.0.7:1", "a b"]) {
      assert.equal(await statusOf(url, host), host === "a b" ? 400 : 421, host);
    }
  }
  assert.equal(server.stats().calls.started, 4);
  // Load balancers probe under any name.
  assert.equal(await statusOf(`http://${address}/healthz`, "api.example"), 200);
});

Deno.test("a refused host is named in Connect's JSON, with the option that allows it", async () => {
  await using server = await start();
  const [hostname, port] = server.addresses[0].split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const body = "[1]";
  const request = `POST /sum HTTP/1.1\r\nhost: evil.example\r\ncontent-type: application/json\r\n` +
    `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
  await connection.write(new TextEncoder().encode(request));
  const text = await new Response(connection.readable).text();
  assert.match(text, /^HTTP\/1\.1 421 /);
  assert.match(text, /"permission_denied".*evil\.example.*web\.allowedHosts/);
});

Deno.test("over HTTP/2 the authority is checked of web calls, and not of gRPC", async () => {
  await using server = await start();
  const session = connectHttp2(`http://${server.addresses[0]}`);
  session.on("error", () => {});
  const status = (authority: string, type: string) => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": "/sum", ":authority": authority },
      ...{ "content-type": type, te: "trailers" },
    });
    const { promise, resolve } = Promise.withResolvers<number>();
    stream.on("response", (fields) => resolve(Number(fields[":status"])));
    stream.on("data", () => {});
    stream.on("error", () => {});
    stream.end(type === "application/json" ? "[1]" : new Uint8Array(5));
    return promise;
  };
  try {
    assert.equal(await status(server.addresses[0], "application/json"), 200);
    assert.equal(await status("evil.example", "application/json"), 421);
    assert.equal(await status("evil.example", "application/grpc-web+json"), 421);
    assert.equal(await status("evil.example", "application/grpc"), 200);
  } finally {
    session.close();
  }
});

Deno.test("web.allowedHosts names further hosts, * all; a server that any page may call takes every host", async () => {
  const statusWith = async (web: WebOptions, host: string) => {
    await using server = await start({ web });
    return await statusOf(`http://${server.addresses[0]}${CALL}`, host);
  };
  assert.equal(await statusWith({ allowedHosts: ["api.example"] }, "api.example"), 200);
  assert.equal(await statusWith({ allowedHosts: ["api.example:80"] }, "api.example:81"), 421);
  assert.equal(await statusWith({ allowedHosts: ["*"] }, "evil.example"), 200);
  assert.equal(await statusWith({ cors: { origins: ["*"] } }, "evil.example"), 200);
  assert.equal(await statusWith({ cors: { origins: ["http://a.example"] } }, "a.example"), 421);
});

Deno.test("on a wildcard address every IP address is the server's, but no name", async () => {
  await using server = await start({ address: "0.0.0.0:0" });
  const url = `http://127.0.0.1:${portOf(server.addresses[0])}${CALL}`;
  assert.equal(await statusOf(url, "10.0.0.7:8080"), 200);
  assert.equal(await statusOf(url, "evil.example"), 421);
});

Deno.test("inside TLS and on Unix sockets any host is served: a browser checked the name, or can't get there", async () => {
  const { cert, key } = await selfSigned({ names: ["localhost", "127.0.0.1"] });
  await using secure = await start({ tls: { cert, key } });
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const url = `https://${secure.addresses[0]}${CALL}`;
  const answer = await fetch(url, { client, headers: { host: "api.example" } });
  assert.deepEqual([answer.status, await answer.json()], [200, 3]);
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/socket`;
    await using local = await start({ address: `unix:${path}` });
    assert.deepEqual(local.addresses, [`unix:${path}`]);
    using connection = await Deno.connect({ transport: "unix", path });
    const head = `GET ${CALL} HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    assert.match(await new Response(connection.readable).text(), /^HTTP\/1\.1 200 /);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a call by GET that another site's page causes without an Origin gets 403 (Fetch metadata)", async () => {
  const statusFrom = async (site: string, web: WebOptions, path = CALL) => {
    await using server = await start({ web });
    const response = await fetch(`http://${server.addresses[0]}${path}`, {
      headers: { "sec-fetch-site": site },
    });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await statusFrom("cross-site", {}), 403);
  assert.equal(await statusFrom("same-site", {}), 403);
  assert.equal(await statusFrom("same-origin", {}), 200);
  assert.equal(await statusFrom("none", {}), 200);
  assert.equal(await statusFrom("cross-site", {}, "/"), 200);
  assert.equal(await statusFrom("cross-site", { cors: { origins: ["*"] } }), 200);
});

Deno.test("a request without Host, which no browser sends, is served; gRPC and lean have no such check", async () => {
  await using server = await start();
  const [hostname, port] = server.addresses[0].split(":");
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(`GET ${CALL} HTTP/1.0\r\n\r\n`));
  assert.match(await new Response(connection.readable).text(), /^HTTP\/1\.1 200 /);
  await using grpc = connect(server.addresses[0], { authority: "evil.example" });
  const codecs = { requestCodec: jsonCodec<number[]>(), responseCodec: jsonCodec<number>() };
  assert.equal(await grpc.method({ path: "/sum", kind: "unary", ...codecs }).unary([4]), 4);
});

Deno.test("web.allowedHosts takes names, name:port and * only", async () => {
  for (const host of ["", "http://a", "a/b", "a:b", "*.a", "ä"]) {
    await assert.rejects(start({ web: { allowedHosts: [host] } }), TypeError, host);
  }
  await assert.rejects(start({ web: { allowedHosts: "a" as never } }), TypeError);
});
