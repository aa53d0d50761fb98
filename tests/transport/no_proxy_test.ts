import assert from "node:assert/strict";
import { proxyApplies } from "../../src/transport/no_proxy.ts";

Deno.test("proxyApplies() matches names, addresses, ranges and ports of no_proxy", () => {
  const direct: [exceptions: string, host: string, port?: number][] = [
    ["", "localhost"],
    ["", "127.0.0.2"],
    ["", "::1"],
    ["*", "example.org"],
    ["a, example.org", "example.org"],
    ["EXAMPLE.org", "Example.ORG."],
    ["example.org", "api.example.org"],
    [".example.org", "api.example.org"],
    ["*.example.org", "api.example.org"],
    ["example.org:443", "example.org", 443],
    ["10.0.0.0/8", "10.1.2.3"],
    ["192.0.2.7", "192.0.2.7"],
    ["192.0.2.7:443", "192.0.2.7", 443],
    ["2001:db8::/32", "2001:db8::7"],
    ["[2001:db8::1]:443", "2001:db8:0::1", 443],
    ["::ffff:192.0.2.0/120", "::ffff:192.0.2.9"],
    ["0.0.0.0/0", "8.8.8.8"],
  ];
  for (const [exceptions, host, port = 443] of direct) {
    assert.equal(proxyApplies(host, port, exceptions), false, `${host} in "${exceptions}"`);
  }
  const proxied: [exceptions: string, host: string, port?: number][] = [
    ["", "example.org"],
    [",", "example.org"],
    [".example.org", "example.org"],
    ["example.org", "badexample.org"],
    ["example.org:80", "example.org", 443],
    ["10.0.0.0/8", "11.0.0.1"],
    ["10.0.0.0/8", "10.example.org"],
    ["10.0.0.0/33", "10.0.0.1"],
    ["2001:db8::/32", "2001:db9::1"],
    ["192.0.2.0/24", "::ffff:192.0.2.1"],
    ["::/0", "192.0.2.1"],
    ["", "127.example.org"],
  ];
  for (const [exceptions, host, port = 443] of proxied) {
    assert.equal(proxyApplies(host, port, exceptions), true, `${host} in "${exceptions}"`);
  }
});
