/**
 * What an egress proxy may connect to: named hosts and ports, and the IP addresses that names may lead to.
 *
 * @module
 */

import { canonicalIpv6, formatHostPort } from "../../transport/address.ts";
import { inRange, ipBytes, type IpRange, parseIpRange, specialKind } from "./ip_ranges.ts";

/** Host and port of a request. */
export interface Destination {
  /** Host name in lower case without a final dot, or IP address without brackets. */
  readonly host: string;
  /** Port, 1 to 65,535. */
  readonly port: number;
}

/** Longest host name in characters (RFC 1035 §2.3.4). */
const MAX_NAME_CHARS = 253;
const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]@/?#\s]+)):(\d{1,5})$/;
const LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const NAME = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);

/** Returns the usual form of a host: lower case, no final dot, IPv6 compressed. Undefined if it is not valid. */
export function normalHost(text: string): string | undefined {
  if (text.includes(":")) return canonicalIpv6(text);
  if (ipBytes(text) !== undefined) return text;
  const name = text.toLowerCase().replace(/\.$/, "");
  return name.length <= MAX_NAME_CHARS && NAME.test(name) ? name : undefined;
}

/** Destinations that are allowed. */
export class AllowList {
  readonly #destinations = new Set<string>();
  readonly #ranges: readonly IpRange[];

  /**
   * `destinations` are `host:port`; `ranges` are the special addresses that names may have, such as `10.0.0.0/8`. Throws
   * RangeError for invalid ones, TypeError for a list that is none or empty.
   */
  constructor(destinations: readonly string[], ranges: readonly string[] = []) {
    if (!Array.isArray(destinations) || destinations.length === 0) {
      throw new TypeError('Cannot use allow: it must be a list such as ["kms.example:443"]');
    }
    if (!Array.isArray(ranges)) {
      throw new TypeError('Cannot use allowAddresses: it must be a list such as ["10.0.0.0/8"]');
    }
    for (const text of destinations) {
      const { host, port } = parseDestination(text);
      this.#destinations.add(formatHostPort(host, port));
    }
    this.#ranges = ranges.map(parseIpRange);
  }

  /** Whether a destination is listed, by the very name or address. */
  allows({ host, port }: Destination): boolean {
    return this.#destinations.has(formatHostPort(host, port));
  }

  /**
   * Returns why a listed name may not lead to an IP address; undefined if it may. Special addresses (loopback, private,
   * link-local and others) must be in an allowed range: a DNS answer could otherwise
   * give the enclave access to the parent's own network.
   */
  refusesAddress(ip: string): string | undefined {
    const bytes = ipBytes(ip);
    if (bytes === undefined) return "not an IP address";
    const kind = specialKind(bytes);
    if (kind === undefined || this.#ranges.some((range) => inRange(bytes, range))) return undefined;
    return `${kind} address`;
  }
}

/** Parses `host:port` (RFC 9112 §3.2.3), IPv6 in brackets; undefined if it is not valid. */
export function parseHostPort(text: string): Destination | undefined {
  const match = HOST_PORT.exec(text);
  const host = match && normalHost(match[1] ?? match[2]);
  const port = Number(match?.[3]);
  if (!host || !(port >= 1 && port <= 65_535)) return undefined;
  return (match[1] !== undefined) === host.includes(":") ? { host, port } : undefined;
}

/** Parses an item of an allow list. Throws RangeError. */
function parseDestination(text: string): Destination {
  const destination = typeof text === "string" ? parseHostPort(text) : undefined;
  if (destination !== undefined) return destination;
  throw new RangeError(
    `Cannot allow ${text}: it must be one host and port, without wildcards, such as kms.example:443`,
  );
}
