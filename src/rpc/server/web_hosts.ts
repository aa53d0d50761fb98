/**
 * Which hosts the requests of gRPC-Web and Connect on a listener may name, so that no page can use the server by a name
 * that it rebinds to the server's address.
 *
 * @module
 */

import { HostRules } from "../../call/host_rules.ts";
import { parseAddress } from "../../transport/address_parser.ts";
import type { WebSettings } from "./web_options.ts";

/** Rules of a server's listeners. */
export class WebHosts {
  readonly #settings: WebSettings;
  readonly #rules = new Map<string, HostRules | undefined>();

  /** Creates the rules of one server. */
  constructor(settings: WebSettings) {
    this.#settings = settings;
  }

  /**
   * Returns the rules of a listening address; undefined where every host is served: away from TCP, which browsers don't
   * reach, and on servers that every page may call.
   */
  of(address: string): HostRules | undefined {
    if (!this.#rules.has(address)) this.#rules.set(address, this.#rulesOf(address));
    return this.#rules.get(address);
  }

  #rulesOf(address: string): HostRules | undefined {
    const { cors, allowedHosts } = this.#settings;
    if (cors.origins.includes("*") || allowedHosts.includes("*")) return undefined;
    const parsed = parseAddress(address);
    if (parsed.kind !== "tcp" && parsed.kind !== "dns") return undefined;
    return new HostRules({ hostname: parsed.host, port: parsed.port, allow: allowedHosts });
  }
}
