/**
 * IP addresses as bytes, prefixes, and the ranges that are not reachable from everywhere: loopback, private, link-local
 * and the rest of the IANA Special-Purpose Address Registries (RFC 6890).
 *
 * @module
 */

import { canonicalIpv6, ipFamily } from "../../transport/address.ts";

/** Range of IP addresses: those that share the first `bits` bits with `bytes`. */
export interface IpRange {
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
  /** Length of the prefix, 0 to 32 or 128. */
  readonly bits: number;
}

/** Returns the 4 or 16 bytes of an IP address (IPv6 without brackets); undefined if it is none. */
export function ipBytes(text: string): Uint8Array | undefined {
  switch (ipFamily(text)) {
    case 4:
      return Uint8Array.from(text.split("."), Number);
    case 6:
      return ipv6Bytes(canonicalIpv6(text)!);
    default:
      return undefined;
  }
}

/** Reads an IPv6 address in the form of the URL standard: hexadecimal groups, one `::` at most. */
function ipv6Bytes(text: string): Uint8Array {
  const [head, tail] = text.split("::").map((half) => half === "" ? [] : half.split(":"));
  const groups = tail === undefined
    ? head
    : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    const value = parseInt(group, 16);
    bytes[i * 2] = value >> 8;
    bytes[i * 2 + 1] = value & 255;
  });
  return bytes;
}

/**
 * Parses `10.0.0.0/8`, `fd00::/8` or a single address. Throws RangeError for anything else, and for a prefix with bits
 * set after its length.
 */
export function parseIpRange(text: string): IpRange {
  const [address, length, ...more] = text.split("/");
  const bytes = ipBytes(address);
  const most = (bytes?.length ?? 0) * 8;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : NaN;
  if (bytes === undefined || more.length > 0 || !(bits <= most)) {
    throw new RangeError(
      `Cannot use the address range ${text}: it must have the form 10.0.0.0/8, fd00::/8 or 10.1.2.3`,
    );
  }
  const range = { bytes, bits };
  for (let bit = bits; bit < most; bit++) {
    if ((bytes[bit >> 3] >> (7 - (bit & 7)) & 1) === 0) continue;
    throw new RangeError(
      `Cannot use the address range ${text}: bits are set after the first ${bits}`,
    );
  }
  return range;
}

/** Whether an address is in a range. An IPv4 address in IPv6 form (`::ffff:10.0.0.1`) counts as IPv4. */
export function inRange(address: Uint8Array, range: IpRange): boolean {
  const bytes = unmapped(address);
  if (bytes.length !== range.bytes.length) return false;
  for (let bit = 0; bit < range.bits; bit += 8) {
    const mask = range.bits - bit >= 8 ? 255 : 256 - (1 << (8 - (range.bits - bit)));
    if (((bytes[bit >> 3] ^ range.bytes[bit >> 3]) & mask) !== 0) return false;
  }
  return true;
}

const ranges = (list: Readonly<Record<string, string>>) =>
  Object.entries(list).map(([text, name]) => ({ name, range: parseIpRange(text) }));

// IANA IPv4 Special-Purpose Address Registry; multicast is RFC 5771.
const IPV4 = ranges({
  "0.0.0.0/8": "this network",
  "10.0.0.0/8": "private",
  "100.64.0.0/10": "shared",
  "127.0.0.0/8": "loopback",
  "169.254.0.0/16": "link-local",
  "172.16.0.0/12": "private",
  "192.0.0.0/24": "reserved",
  "192.0.2.0/24": "documentation",
  "192.88.99.0/24": "reserved",
  "192.168.0.0/16": "private",
  "198.18.0.0/15": "benchmarking",
  "198.51.100.0/24": "documentation",
  "203.0.113.0/24": "documentation",
  "224.0.0.0/4": "multicast",
  "240.0.0.0/4": "reserved",
});

// IANA IPv6 Special-Purpose Address Registry, and what holds an IPv4 address that another network unpacks.
const IPV6 = ranges({
  "::/128": "unspecified",
  "::1/128": "loopback",
  "fc00::/7": "private",
  "fe80::/10": "link-local",
  "fec0::/10": "site-local",
  "ff00::/8": "multicast",
  "2001::/23": "reserved",
  "2001:db8::/32": "documentation",
  "2002::/16": "6to4",
  "3fff::/20": "documentation",
});
const GLOBAL_UNICAST = parseIpRange("2000::/3");
// RFC 6052 §2.1: the network translates the last 32 bits to an IPv4 address.
const NAT64 = parseIpRange("64:ff9b::/96");
const MAPPED = parseIpRange("::ffff:0:0/96");

/** Returns the IPv4 address in `::ffff:1.2.3.4`, any other address unchanged. */
function unmapped(address: Uint8Array): Uint8Array {
  const { bytes, bits } = MAPPED;
  if (address.length !== 16) return address;
  for (let i = 0; i < bits / 8; i++) if (address[i] !== bytes[i]) return address;
  return address.subarray(12);
}

/**
 * Returns what kind of address one is that is not globally reachable, such as `private` or `link-local`; undefined for
 * one that is.
 */
export function specialKind(address: Uint8Array): string | undefined {
  const bytes = unmapped(address);
  if (bytes.length === 4) return IPV4.find(({ range }) => inRange(bytes, range))?.name;
  if (inRange(bytes, NAT64)) return specialKind(bytes.subarray(12));
  const kind = IPV6.find(({ range }) => inRange(bytes, range))?.name;
  return kind ?? (inRange(bytes, GLOBAL_UNICAST) ? undefined : "reserved");
}
