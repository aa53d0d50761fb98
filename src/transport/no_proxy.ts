/**
 * Hosts that are reached without a proxy, as `no_proxy` lists them; the rules of Go's and curl's.
 *
 * @module
 */

import { ipFamily } from "./address.ts";

/**
 * Whether connections to a host go through the proxy. The host itself (`localhost`, loopback addresses) never does.
 * `exceptions` is a list of names, each for itself and all below (`.example.com`: those below alone), IP addresses, CIDR
 * ranges, each with an optional port; `*` is every host.
 */
export function proxyApplies(host: string, port: number, exceptions = ""): boolean {
  const name = host.toLowerCase().replace(/\.$/, "");
  const address = ipFamily(name) === 0 ? undefined : addressBits(name);
  if (name === "localhost" || /^127\./.test(name) && address || name === "::1") return false;
  return !exceptions.split(",").some((entry) =>
    matches(entry.trim().toLowerCase(), name, address, port)
  );
}

function matches(entry: string, name: string, address: bigint | undefined, port: number): boolean {
  if (entry === "") return false;
  if (entry === "*") return true;
  const [, bracketed, plain, entryPort] =
    /^(?:\[([^\]]+)\]|([^:]+|[^:]*:[^:]*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const pattern = bracketed ?? plain;
  if (pattern === undefined || entryPort !== undefined && Number(entryPort) !== port) return false;
  const [base, bits] = pattern.split("/");
  if (ipFamily(base) !== 0) {
    if (address === undefined || ipFamily(base) !== ipFamily(name)) return false;
    const width = ipFamily(base) === 4 ? 32 : 128;
    const length = bits === undefined ? width : Number(bits);
    if (!Number.isInteger(length) || length < 0 || length > width) return false;
    const shift = BigInt(width - length);
    return addressBits(base) >> shift === address >> shift;
  }
  const suffix = pattern.replace(/^\*?\./, ".");
  return suffix.startsWith(".")
    ? name.endsWith(suffix)
    : name === suffix || name.endsWith(`.${suffix}`);
}

/** Returns an IP address as a number. */
function addressBits(address: string): bigint {
  if (ipFamily(address) === 4) {
    return address.split(".").reduce((sum, part) => sum << 8n | BigInt(part), 0n);
  }
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (a: string, b: string) => (Number(a) << 8 | Number(b)).toString(16);
  const text = dotted === null
    ? address.replace(/%.*$/, "")
    : `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  const [head, tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = Array<string>(tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length))
    .fill("0");
  return [...left, ...gap, ...right].reduce((sum, part) => sum << 16n | BigInt(`0x${part}`), 0n);
}
