/**
 * Which hosts the requests of a handler may name, so that no page can use the handler by a name that it rebinds to the
 * server's address. The handler does not know that address; what it sees of the client stands in for it.
 *
 * @module
 */

import { HostRules } from "../../call/host_rules.ts";
import type { FetchWebOptions } from "./options.ts";

// `localhost` and every IP address, with any port, as on a listener of all addresses.
const ANY_ADDRESS = { hostname: "0.0.0.0", port: 0 };

/** Rules of one handler. */
export class FetchHosts {
  readonly #rules: HostRules | undefined;
  /** Whether the rules hold for every client, because the application has named the hosts. */
  readonly #always: boolean;

  /** Creates the rules that the options ask for. */
  constructor({ cors, allowedHosts }: FetchWebOptions) {
    const all = cors?.origins?.includes("*") || allowedHosts?.includes("*");
    this.#rules = all ? undefined : new HostRules({ ...ANY_ADDRESS, allow: allowedHosts });
    this.#always = allowedHosts !== undefined;
  }

  /**
   * Returns the rules for a request with this URL; undefined if it may name every host. `client` is the client's IP
   * address, or empty. A page rebinds its name only to a server that its author cannot reach: one whose clients have
   * loopback or private addresses. Over https the client has checked the server's name against its certificate.
   */
  of(url: string, client: string): HostRules | undefined {
    if (url.startsWith("https:")) return undefined;
    return this.#always || isPrivate(client) ? this.#rules : undefined;
  }
}

// RFC 1122 §3.2.1.3 (this host, loopback), RFC 1918, RFC 3927 (link-local), RFC 6598 (shared).
const PRIVATE_IPV4 =
  /^(?:0|10|127|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./;
// RFC 4291 §2.5.3 (loopback) and §2.5.6 (link-local), RFC 4193 (unique local).
const PRIVATE_IPV6 = /^(?:::1$|f[cd]|fe[89ab])/i;
// RFC 4291 §2.5.5.2.
const MAPPED = /^::ffff:(?=[\d.]+$)/i;

/** Whether an IP address is a loopback, private or link-local one. */
function isPrivate(address: string): boolean {
  const plain = address.replace(MAPPED, "");
  return plain.includes(":") ? PRIVATE_IPV6.test(plain) : PRIVATE_IPV4.test(plain);
}
