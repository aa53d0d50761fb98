import assert from "node:assert/strict";
import fc from "fast-check";
import { type Address, formatAddress, VSOCK_CID_ANY } from "../../src/transport/address.ts";
import { parseAddress } from "../../src/transport/address_parser.ts";

const tcp = (host: string, port: number) => ({ kind: "tcp", host, port }) as const;

Deno.test("parseAddress() parses each form", () => {
  const forms: [string, Address][] = [
    ["127.0.0.1:50051", tcp("127.0.0.1", 50051)],
    ["[::1]:0", tcp("::1", 0)],
    ["localhost:1", { kind: "dns", host: "localhost", port: 1 }],
    ["dns:example.com:443", { kind: "dns", host: "example.com", port: 443 }],
    ["dns:///example.com:443", { kind: "dns", host: "example.com", port: 443 }],
    ["dns:///10.0.0.1:443", tcp("10.0.0.1", 443)],
    ["dns:[::1]:443", tcp("::1", 443)],
    ["dns://1.1.1.1/a.b:1", { kind: "dns", host: "a.b", port: 1, nameServer: "1.1.1.1" }],
    ["dns://[::1]:53/a.b:1", { kind: "dns", host: "a.b", port: 1, nameServer: "[::1]:53" }],
    ["ipv4:10.0.0.1:5", tcp("10.0.0.1", 5)],
    ["ipv4:10.0.0.1:5,10.0.0.2:6", {
      kind: "list",
      family: 4,
      addresses: [tcp("10.0.0.1", 5), tcp("10.0.0.2", 6)],
    }],
    ["ipv6:[::1]:5,[fe80::2]:6", {
      kind: "list",
      family: 6,
      addresses: [tcp("::1", 5), tcp("fe80::2", 6)],
    }],
    ["unix:a/b.sock", { kind: "unix", path: "a/b.sock" }],
    ["unix:/a/b.sock", { kind: "unix", path: "/a/b.sock" }],
    ["unix:///a/b.sock", { kind: "unix", path: "/a/b.sock" }],
    ["unix:/odd:name:5", { kind: "unix", path: "/odd:name:5" }],
    ["unix-abstract:a", { kind: "unix-abstract", name: "a" }],
    ["vsock:16:50051", { kind: "vsock", cid: 16, port: 50051 }],
    ["vsock://16:50051", { kind: "vsock", cid: 16, port: 50051 }],
    ["vsock:any:1", { kind: "vsock", cid: VSOCK_CID_ANY, port: 1 }],
    ["vsock:-1:4294967295", { kind: "vsock", cid: VSOCK_CID_ANY, port: 4294967295 }],
    ["vsock:local:1", { kind: "vsock", cid: 1, port: 1 }],
    ["vsock:host:1", { kind: "vsock", cid: 2, port: 1 }],
    ["vsock:parent:1", { kind: "vsock", cid: 3, port: 1 }],
    ["hvsock:/run/vm.sock:5000", { kind: "hvsock", path: "/run/vm.sock", port: 5000 }],
    ["hvsock:///run/vm.sock:5000", { kind: "hvsock", path: "/run/vm.sock", port: 5000 }],
    ["hvsock:a:b:5000", { kind: "hvsock", path: "a:b", port: 5000 }],
    ["memory:any text / at all", { kind: "memory", name: "any text / at all" }],
  ];
  for (const [text, address] of forms) assert.deepEqual(parseAddress(text), address, text);
});

Deno.test("parseAddress() names the address, the invalid part and a valid example", () => {
  const wrong: [string, typeof TypeError | typeof RangeError, RegExp][] = [
    ["", TypeError, /has no host.*127\.0\.0\.1:50051/],
    ["localhost", TypeError, /has no port.*localhost:50051/],
    ["/run/a.sock", TypeError, /is a path; expected, for example, unix:\/run\/a\.sock$/],
    ["./a.sock", TypeError, /is a path; expected, for example, unix:\.\/a\.sock$/],
    [":50051", TypeError, /has no host/],
    ["localhost:", TypeError, /empty port/],
    ["localhost:http", TypeError, /port "http", which is not a number/],
    ["localhost:65536", RangeError, /port 65536, limit is 65535/],
    ["localhost:-1", TypeError, /port "-1", which is not a number/],
    ["256.0.0.1:1", RangeError, /"256\.0\.0\.1", neither/],
    ["::1:50051", TypeError, /without brackets.*\[::1\]:50051/],
    ["[::1]", TypeError, /has no port/],
    ["[localhost]:1", TypeError, /"localhost" in brackets/],
    ["http://localhost:80", TypeError, /the unknown scheme "http"/],
    ["a b:1", TypeError, /"a b" in its host/],
    ["-a.com:1", TypeError, /"-a" in its host/],
    [`${"a.".repeat(130)}com:1`, RangeError, /263 characters, limit is 253/],
    ["dns://host:1", TypeError, /no "\/" after its name server/],
    ["dns://ns.example/host:1", TypeError, /name server "ns\.example", which is not an IP address/],
    ["ipv4:[::1]:1", TypeError, /"::1", which is not an IPv4 address/],
    ["ipv4:localhost:1", TypeError, /"localhost", which is not an IPv4 address/],
    ["ipv4:1.2.3.4:1,", TypeError, /empty part/],
    ["ipv6:1.2.3.4:1", TypeError, /"1\.2\.3\.4", which is not an IPv6 address/],
    ["unix:", TypeError, /has no path.*unix:\/run\/vrpc\.sock/],
    ["unix://relative", TypeError, /not absolute/],
    ["unix:a\0b", TypeError, /NUL/],
    [`unix:/${"é".repeat(54)}`, RangeError, /109 bytes, limit is 107/],
    ["unix-abstract:", TypeError, /has no name/],
    [`unix-abstract:${"a".repeat(108)}`, RangeError, /108 bytes, limit is 107/],
    ["vsock:16", TypeError, /has no port.*vsock:16:50051/],
    ["vsock:here:1", TypeError, /cid "here"/],
    ["vsock:4294967296:1", RangeError, /cid 4294967296, limit is 4294967295/],
    ["vsock:1:4294967296", RangeError, /port 4294967296/],
    ["vsock:1:2:3", TypeError, /more than a cid and a port/],
    ["hvsock:/run/vm.sock", TypeError, /has no port.*hvsock:\/run\/vm\.sock:50051/],
    ["hvsock:/run/vm.sock:0", RangeError, /port 0, must be at least 1/],
    ["hvsock::1", TypeError, /has no path/],
    [`hvsock:/${"a".repeat(107)}:1`, RangeError, /108 bytes, limit is 107/],
    ["memory:", TypeError, /has no name/],
  ];
  for (const [text, kind, message] of wrong) {
    assert.throws(() => parseAddress(text), (error: Error) => {
      assert.equal(error.constructor, kind, `${text}: ${error}`);
      assert.match(error.message, message);
      assert.ok(error.message.includes(`"${text}"`), error.message);
      assert.ok(!error.message.endsWith("."));
      return true;
    });
  }
  assert.throws(() => parseAddress(50051 as unknown as string), TypeError);
});

const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<T>;
const port = fc.integer({ min: 0, max: 65535 });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const ipv4 = record({ kind: fc.constant("tcp" as const), host: fc.ipV4(), port });
const ipv6 = record({ kind: fc.constant("tcp" as const), host: fc.ipV6(), port });
const path = fc.string({ minLength: 1, maxLength: 100 }).map((s) => `/${s.replaceAll("\0", "")}`)
  .filter((s) => new TextEncoder().encode(s).length <= 90);
const address: fc.Arbitrary<Address> = fc.oneof(
  ipv4,
  ipv6,
  record({
    kind: fc.constant("dns" as const),
    host: fc.oneof(fc.domain(), fc.constantFrom("localhost", "dns", "unix", "vsock", "memory")),
    port,
  }),
  record({
    kind: fc.constant("list" as const),
    family: fc.constant(4 as const),
    addresses: fc.array(ipv4, { minLength: 2, maxLength: 5 }),
  }),
  record({
    kind: fc.constant("list" as const),
    family: fc.constant(6 as const),
    addresses: fc.array(ipv6, { minLength: 2, maxLength: 5 }),
  }),
  record({ kind: fc.constant("unix" as const), path }),
  record({ kind: fc.constant("unix-abstract" as const), name: path }),
  record({ kind: fc.constant("vsock" as const), cid: u32, port: u32 }),
  record({
    kind: fc.constant("hvsock" as const),
    path,
    port: fc.integer({ min: 1, max: 0xffffffff }),
  }),
  record({ kind: fc.constant("memory" as const), name: fc.string({ minLength: 1 }) }),
);

Deno.test("parseAddress() of formatAddress() returns the same address", () => {
  fc.assert(fc.property(address, (value) => {
    assert.deepEqual(parseAddress(formatAddress(value)), value);
  }));
});

Deno.test("parseAddress() of any text returns a valid address, or throws a TypeError or RangeError", () => {
  const part = fc.constantFrom(
    ..."dns: ipv4: ipv6: unix: unix-abstract: vsock: hvsock: memory: // / : [ ] , ::1 -1 any 1 a.b 0"
      .split(" "),
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.oneof(part, fc.string({ maxLength: 3 }))).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (value) => {
      let parsed: Address;
      try {
        parsed = parseAddress(value);
      } catch (error) {
        assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
        return;
      }
      assert.deepEqual(parseAddress(formatAddress(parsed)), parsed);
    }),
    { numRuns: 2000 },
  );
});
