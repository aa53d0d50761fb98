import assert from "node:assert/strict";
import { checkedHost, HostRules } from "../../src/call/host_rules.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 1323 };

Deno.test("HostRules.allows() takes the listening address, local names and allowed hosts", () => {
  const rules = new HostRules({ ...LOOPBACK, allow: ["Api.example", "two.example:8080"] });
  const allowed = [
    "127.0.0.1:1323",
    "LOCALHOST:1323",
    "[::1]:1323",
    "api.example",
    "API.example:9",
  ];
  for (const host of [...allowed, "two.example:8080"]) assert.equal(rules.allows(host), true, host);
  for (const host of ["localhost", "evil.example", "two.example", "10.0.0.7:1323", "", "a b"]) {
    assert.equal(rules.allows(host), false, host);
  }
  assert.equal(new HostRules({ hostname: "::", port: 5 }).allows("[fd00::7]:80"), true);
  assert.equal(new HostRules({ hostname: "::", port: 5 }).allows("fd00.example"), false);
  assert.equal(new HostRules({ ...LOOPBACK, allow: ["*"] }).allows("evil.example"), true);
});

Deno.test("HostRules.allowsOrigin() takes the origin of the host, and those of allowed hosts", () => {
  const rules = new HostRules({ ...LOOPBACK, allow: ["api.example"] });
  const host = "localhost:1323";
  assert.equal(rules.allowsOrigin("http://localhost:1323", host), true);
  assert.equal(rules.allowsOrigin("https://api.example", host), true);
  for (const origin of ["null", "", "http://localhost", "file://localhost:1323", "http://a.b"]) {
    assert.equal(rules.allowsOrigin(origin, host), false, origin);
  }
});

Deno.test("checkedHost() returns hosts in lower case, and throws TypeError for what no browser sends", () => {
  assert.equal(checkedHost("Api.Example:80"), "api.example:80");
  assert.equal(checkedHost("::1"), "[::1]");
  for (const host of ["", "a b", "http://a", "a:70000", "ä.example", "a.", "*.a"]) {
    assert.throws(() => checkedHost(host), TypeError, host);
  }
});
