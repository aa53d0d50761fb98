import assert from "node:assert/strict";
import { fetchHandler, type FetchWebOptions } from "../../../src/rpc/fetch/mod.ts";
import { statusOf } from "../../fixtures/raw_http.ts";

const CALL = "/bytes";

function handlerWith(web: FetchWebOptions = {}) {
  return fetchHandler((router) => {
    router.method("/bytes", {}, (request) => request);
  }, { web, printFailures: false });
}

/** Status of a call of a client with this address, to a URL. */
async function statusFor(
  url: string,
  client: string | undefined,
  web?: FetchWebOptions,
): Promise<number> {
  await using handler = handlerWith(web);
  const info = client === undefined
    ? undefined
    : { remoteAddr: { transport: "tcp", hostname: client, port: 5 } };
  const headers = { "content-type": "application/json" };
  const request = new Request(`${url}${CALL}`, { method: "POST", headers, body: "" });
  const response = await handler(request, info);
  await response.body?.cancel();
  return response.status === 421 ? 421 : 200;
}

Deno.test("a page that rebinds its name to a local handler gets 421 (RFC 9110 §15.5.20)", async () => {
  await using handler = handlerWith();
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
  const { port } = server.addr;
  const url = `http://127.0.0.1:${port}/`;
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, "10.1.2.3"]) {
    assert.equal(await statusOf(url, host), 200, host);
  }
  for (const host of ["evil.example", `evil.example:${port}`, "localhost.evil.example"]) {
    assert.equal(await statusOf(url, host), 421, host);
  }
  // Load balancers probe under any name.
  assert.equal(await statusOf(`${url}healthz`, "api.example"), 200);
});

Deno.test("clients with loopback and private addresses may name localhost and addresses only", async () => {
  const local = ["127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.1", "192.168.1.2"];
  const others = ["169.254.3.4", "100.64.0.1", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1"];
  for (const client of [...local, ...others]) {
    assert.equal(await statusFor("http://evil.example", client), 421, client);
    assert.equal(await statusFor("http://localhost:8000", client), 200, client);
    assert.equal(await statusFor("http://192.168.1.2", client), 200, client);
    assert.equal(await statusFor("https://api.example", client), 200, client);
  }
});

Deno.test("without a private client, as on Deno Deploy or from a framework, every host is served", async () => {
  const clients = ["203.0.113.7", "172.32.0.1", "100.128.0.1", "2001:db8::1", undefined];
  for (const client of clients) {
    assert.equal(await statusFor("http://api.example", client), 200, `${client}`);
  }
});

Deno.test("allowedHosts names the hosts, for every client", async () => {
  const web = { allowedHosts: ["api.example", "other.example:8000"] };
  for (const client of ["203.0.113.7", "127.0.0.1", undefined]) {
    assert.equal(await statusFor("http://api.example:80", client, web), 200);
    assert.equal(await statusFor("http://API.example:9", client, web), 200);
    assert.equal(await statusFor("http://other.example:8000", client, web), 200);
    assert.equal(await statusFor("http://localhost:1", client, web), 200);
    assert.equal(await statusFor("http://other.example", client, web), 421);
    assert.equal(await statusFor("http://evil.example", client, web), 421);
    assert.equal(await statusFor("https://evil.example", client, web), 200);
  }
  for (const open of [{ allowedHosts: ["*"] }, { cors: { origins: ["*"] } }]) {
    assert.equal(await statusFor("http://evil.example", "127.0.0.1", open), 200);
  }
});

Deno.test("allowedHosts is checked when the handler is made", () => {
  for (const allowedHosts of [["http://a.example"], ["a b"], "a.example", [7]]) {
    assert.throws(() => handlerWith({ allowedHosts } as never), TypeError);
  }
});
