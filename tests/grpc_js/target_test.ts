import assert from "node:assert/strict";
import { addressOf, hasUnknownScheme, serviceUrl, targetText } from "../../src/grpc_js/target.ts";

Deno.test("targets of grpc-js become addresses; names without a port have 443", () => {
  const cases: [string, string][] = [
    ["localhost:50051", "localhost:50051"],
    ["example.com", "example.com:443"],
    ["dns:example.com", "dns:example.com:443"],
    ["dns:///example.com:1", "dns:///example.com:1"],
    ["dns://8.8.8.8/example.com", "dns://8.8.8.8/example.com:443"],
    ["::1", "[::1]:443"],
    ["[::1]", "[::1]:443"],
    ["[::1]:5", "[::1]:5"],
    ["unix:/tmp/a.sock", "unix:/tmp/a.sock"],
    ["ipv4:127.0.0.1:1,127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"],
    ["ipv4:///127.0.0.1:1,127.0.0.1", "ipv4:127.0.0.1:1,127.0.0.1:443"],
    ["ipv6:///[::1]:1", "ipv6:[::1]:1"],
    ["ipv6:::1", "ipv6:[::1]:443"],
  ];
  for (const [target, address] of cases) assert.equal(addressOf(target), address);
});

Deno.test("getTarget shows the scheme, credentials get the URL of the service", () => {
  assert.equal(targetText("a:1"), "dns:a:1");
  assert.equal(targetText("unix:/a"), "unix:/a");
  assert.equal(serviceUrl("a.example:443", "/shop.Orders/Get"), "https://a.example/shop.Orders");
  assert.equal(serviceUrl("[::1]:1", "/a.B/C"), "https://::1/a.B");
});

Deno.test("an unknown scheme is told from names, addresses and known schemes", () => {
  assert.equal(hasUnknownScheme("consul://server"), true);
  for (const target of ["server:1", "dns:///server", "unix:///a", "[::1]:1", "localhost"]) {
    assert.equal(hasUnknownScheme(target), false);
  }
});
