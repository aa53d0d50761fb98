/**
 * IP addresses as bytes, and ranges of them.
 *
 * @module
 */

import type { CidrRange as CidrRangeMessage } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import { invalid } from "./resource_error.ts";

/** A range of IP addresses: an address and the length of its prefix in bits. */
export interface CidrRange {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Returns the 4 or 16 bytes of an IP address; undefined for other text. An IPv4-mapped address has 4. */
export function parseIp(text: string): Uint8Array | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const parts = text.split(".").map(Number);
    return parts.every((part) => part < 256) ? Uint8Array.from(parts) : undefined;
  }
  return parseIpv6(text.replace(/%.*$/, ""));
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(":")) return undefined;
  let hex = text;
  const dotted = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text);
  if (dotted !== null) {
    const bytes = parseIp(dotted[2]);
    if (bytes === undefined) return undefined;
    const group = (i: number) => (bytes[i] << 8 | bytes[i + 1]).toString(16);
    hex = `${dotted[1]}${group(0)}:${group(2)}`;
  }
  const halves = hex.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => half === "" ? [] : half.split(":"));
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array(missing).fill("0"), ...(tail ?? [])];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const bytes = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    const value = parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 255;
  }
  const mapped = bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 255 && bytes[11] === 255;
  return mapped ? bytes.slice(12) : bytes;
}

/** Parses a range. Throws ResourceError if it is not valid. */
export function cidrRange(message: CidrRangeMessage, field: string): CidrRange {
  const bytes = parseIp(message.addressPrefix);
  if (bytes === undefined) {
    return invalid(field, `${JSON.stringify(message.addressPrefix)} is not an IP address`);
  }
  const bits = message.prefixLen ?? 0;
  if (bits > bytes.length * 8) {
    invalid(field, `a prefix of ${bits} bits is longer than ${message.addressPrefix}`);
  }
  return { bytes, bits };
}

/** Whether an address is in a range. */
export function inRange(ip: Uint8Array, { bytes, bits }: CidrRange): boolean {
  if (ip.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (ip[i] !== bytes[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (ip[whole] ^ bytes[whole]) >> (8 - rest) === 0;
}
