import assert from "node:assert/strict";
import {
  ADDRESS_SCHEME,
  checkUnixPath,
  formatAddress,
  formatHostPort,
  ipFamily,
  nameServerParts,
  VSOCK_CID_ANY,
} from "../../src/transport/address.ts";

Deno.test("formatAddress() writes the canonical form of each kind", () => {
  const tcp = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;
  assert.equal(formatAddress(tcp("10.0.0.1", 80)), "10.0.0.1:80");
  assert.equal(formatAddress(tcp("::1", 80)), "[::1]:80");
  assert.equal(formatAddress({ kind: "dns", host: "a.example", port: 1 }), "a.example:1");
  assert.equal(formatAddress({ kind: "dns", host: "unix", port: 1 }), "dns:unix:1");
  assert.equal(
    formatAddress({ kind: "dns", host: "a", port: 1, nameServer: "1.1.1.1:53" }),
    "dns://1.1.1.1:53/a:1",
  );
  const addresses = [tcp("10.0.0.1", 1), tcp("10.0.0.2", 2)];
  assert.equal(
    formatAddress({ kind: "list", family: 4, addresses }),
    "ipv4:10.0.0.1:1,10.0.0.2:2",
  );
  assert.equal(formatAddress({ kind: "unix", path: "/a" }), "unix:/a");
  assert.equal(formatAddress({ kind: "unix", path: "//a" }), "unix:////a");
  assert.equal(formatAddress({ kind: "unix-abstract", name: "a" }), "unix-abstract:a");
  assert.equal(formatAddress({ kind: "vsock", cid: VSOCK_CID_ANY, port: 5 }), "vsock:any:5");
  assert.equal(formatAddress({ kind: "hvsock", path: "/vm", port: 5 }), "hvsock:/vm:5");
  assert.equal(formatAddress({ kind: "memory", name: "a" }), "memory:a");
});

Deno.test("formatHostPort() puts IPv6 addresses into brackets", () => {
  assert.equal(formatHostPort("::1", 5), "[::1]:5");
  assert.equal(formatHostPort("localhost", 5), "localhost:5");
});

Deno.test("ipFamily() recognizes IP addresses", () => {
  for (const host of ["0.0.0.0", "255.1.2.3"]) assert.equal(ipFamily(host), 4, host);
  for (const host of ["::", "fe80::1", "::ffff:1.2.3.4"]) assert.equal(ipFamily(host), 6, host);
  for (const host of ["256.0.0.1", "1.2.3", "01.2.3.4", "[::1]", "a:b", "localhost", ""]) {
    assert.equal(ipFamily(host), 0, host);
  }
});

Deno.test("nameServerParts() splits IP address and port", () => {
  assert.deepEqual(nameServerParts("1.1.1.1"), { ipAddr: "1.1.1.1" });
  assert.deepEqual(nameServerParts("1.1.1.1:53"), { ipAddr: "1.1.1.1", port: 53 });
  assert.deepEqual(nameServerParts("::1"), { ipAddr: "::1" });
  assert.deepEqual(nameServerParts("[::1]:53"), { ipAddr: "::1", port: 53 });
  for (const text of ["ns.example", "1.1.1.1:0", "1.1.1.1:65536", "1.1.1.1:"]) {
    assert.equal(nameServerParts(text), undefined, text);
  }
});

Deno.test("checkUnixPath() limits paths to 107 bytes of UTF-8", () => {
  checkUnixPath("unix:", "a".repeat(107));
  assert.throws(
    () => checkUnixPath("unix:", "a".repeat(108)),
    /path takes 108 bytes, limit is 107/,
  );
  assert.throws(() => checkUnixPath("unix:", "é".repeat(54), "name"), /name takes 108 bytes/);
});

Deno.test("ADDRESS_SCHEME matches known schemes only", () => {
  assert.equal(ADDRESS_SCHEME.exec("unix-abstract:a")?.[1], "unix-abstract");
  assert.equal(ADDRESS_SCHEME.exec("localhost:80"), null);
});
