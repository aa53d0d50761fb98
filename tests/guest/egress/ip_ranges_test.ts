import assert from "node:assert/strict";
import fc from "fast-check";
import {
  inRange,
  ipBytes,
  parseIpRange,
  specialKind,
} from "../../../src/guest/egress/ip_ranges.ts";

const kindOf = (text: string) => specialKind(ipBytes(text)!);

Deno.test("addresses that are not reachable from everywhere are known by their kind", () => {
  const special: Record<string, string> = {
    "0.0.0.0": "this network",
    "10.255.255.255": "private",
    "100.64.0.1": "shared",
    "127.8.8.8": "loopback",
    "169.254.169.254": "link-local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.168.1.1": "private",
    "198.19.255.255": "benchmarking",
    "224.0.0.1": "multicast",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "ff02::1": "multicast",
    "2002:a00:1::": "6to4",
    "2001::1": "reserved",
    "::ffff:10.0.0.1": "private",
    "::ffff:169.254.169.254": "link-local",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b:1::1": "reserved",
    "4000::1": "reserved",
  };
  for (const [text, kind] of Object.entries(special)) assert.equal(kindOf(text), kind, text);
  const global = [
    "1.1.1.1",
    "172.15.0.1",
    "172.32.0.1",
    "100.128.0.1",
    "11.0.0.1",
    "223.255.255.1",
  ];
  global.push("2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::8.8.8.8", "2a00::1");
  for (const text of global) assert.equal(kindOf(text), undefined, text);
});

Deno.test("ranges hold the addresses with their prefix, and no others", () => {
  const holds = (address: string, range: string) => inRange(ipBytes(address)!, parseIpRange(range));
  assert.ok(holds("10.1.2.3", "10.1.2.3"));
  assert.ok(holds("10.1.255.3", "10.1.128.0/17"));
  assert.ok(!holds("10.1.127.3", "10.1.128.0/17"));
  assert.ok(holds("1.2.3.4", "0.0.0.0/0"));
  assert.ok(!holds("::1", "0.0.0.0/0"));
  assert.ok(holds("::ffff:10.1.2.3", "10.0.0.0/8"));
  assert.ok(holds("fd12:3456::1", "fd00::/8"));
  assert.ok(!holds("fc00::1", "fd00::/8"));
});

Deno.test("what is no range is refused with its form", () => {
  const wrong = [
    "",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "host/8",
    "fd00::/129",
  ];
  for (const text of wrong) {
    assert.throws(() => parseIpRange(text), /Cannot use the address range .*10\.0\.0\.0\/8/, text);
  }
  assert.throws(() => parseIpRange("10.0.0.1/8"), /bits are set after the first 8/);
});

/** The eight groups of an IPv6 address, whose last two may be an IPv4 address. */
function groupsOf(text: string): number[] {
  const hexadecimal = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts) => {
    const [a, b, c, d] = parts.map(Number);
    return `${(a << 8 | b).toString(16)}:${(c << 8 | d).toString(16)}`;
  });
  const [head, tail] = hexadecimal.split("::").map((half) => half === "" ? [] : half.split(":"));
  const zeros = Array<string>(8 - head.length - (tail?.length ?? 0)).fill("0");
  return [...head, ...zeros, ...tail ?? []].map((group) => parseInt(group, 16));
}

Deno.test("every IPv4 and IPv6 address is read to its bytes", () => {
  fc.assert(fc.property(fc.ipV4(), (text) => {
    assert.deepEqual([...ipBytes(text)!], text.split(".").map(Number));
  }));
  fc.assert(fc.property(fc.ipV6(), (text) => {
    const bytes = ipBytes(text)!;
    assert.equal(bytes.length, 16);
    const groups = Array.from({ length: 8 }, (_, i) => bytes[i * 2] << 8 | bytes[i * 2 + 1]);
    assert.deepEqual(groups, groupsOf(text), text);
  }));
  for (const text of ["", "1.2.3", "1.2.3.256", "01.2.3.4", "0x7f.1", "::g", "host", "[::1]"]) {
    assert.equal(ipBytes(text), undefined, text);
  }
});
