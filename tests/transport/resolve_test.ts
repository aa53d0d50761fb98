import assert from "node:assert/strict";
import { parseAddress } from "../../src/transport/address_parser.ts";
import { resolveAddress, resolveHost } from "../../src/transport/resolve.ts";

const tcp = (address: string) => parseAddress(address);
const signal = new AbortController().signal;

Deno.test("resolveHost() resolves localhost names without a query (RFC 6761 §6.3)", async () => {
  const loopback = [
    { kind: "tcp", host: "127.0.0.1", port: 5 },
    { kind: "tcp", host: "::1", port: 5 },
  ];
  assert.deepEqual(await resolveHost("localhost", 5, signal), loopback);
  assert.deepEqual(await resolveHost("a.localhost.", 5, signal), loopback);
  assert.deepEqual(await resolveHost("10.0.0.1", 5, signal), [tcp("10.0.0.1:5")]);
});

Deno.test("resolveAddress() resolves a list to its addresses, and a socket to itself", async () => {
  assert.deepEqual(await resolveAddress(parseAddress("ipv4:1.2.3.4:5,1.2.3.5:6")), [
    tcp("1.2.3.4:5"),
    tcp("1.2.3.5:6"),
  ]);
  assert.deepEqual(await resolveAddress(parseAddress("unix:/a")), [parseAddress("unix:/a")]);
});

Deno.test("resolveAddress() uses the resolver for names, unless they have a name server", async () => {
  const asked: string[] = [];
  const resolver = (host: string, port: number) => {
    asked.push(`${host}:${port}`);
    return Promise.resolve([tcp("10.0.0.1:5")]);
  };
  const name = parseAddress("api.example:443");
  assert.deepEqual(await resolveAddress(name, { resolver }), [tcp("10.0.0.1:5")]);
  assert.deepEqual(await resolveAddress(tcp("10.0.0.2:5"), { resolver }), [tcp("10.0.0.2:5")]);
  await resolveAddress(parseAddress("dns://127.0.0.1/localhost:5"), { resolver });
  assert.deepEqual(asked, ["api.example:443"]);
});
