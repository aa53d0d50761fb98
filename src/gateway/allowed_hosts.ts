/**
 * Refuses HTTP requests that a web page of another site may have caused: by a name that was rebound to this
 * address (DNS rebinding), or from another origin.
 *
 * @module
 */

import { HostRules } from "../call/host_rules.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import { errorResponse } from "./http_errors.ts";

/** Listening address, and further values accepted in the Host field. */
export interface AllowedHostsOptions {
  /** Address that the server listens on. */
  readonly hostname: string;
  /** Port that the server listens on. */
  readonly port: number;
  /**
   * Further hosts: `name` with any port, `name:port`, or `*` for every host and origin. Default: none.
   * Throws TypeError for other forms.
   */
  readonly allow?: readonly string[];
  /** Option that allows further hosts, for the texts of refusals. Default `the option allow`. */
  readonly option?: string;
}

/** Returns the error response to a refused request; undefined for an allowed one. */
export type HostCheck = (request: Request) => Response | undefined;

/**
 * Creates the check of Host and Origin. Hosts: the listening address, `localhost`, `127.0.0.1` and `[::1]`, each
 * with the port, and those of `allow`. On a wildcard address: `localhost` and every IP address, with any port,
 * because an address can't be rebound. An Origin must have the host of the request, or one of `allow`.
 * Others receive 421 and 403 (RFC 9110 §15.5.20, §15.5.4).
 */
export function allowedHosts(options: AllowedHostsOptions): HostCheck {
  const { option = "the option allow" } = options;
  const rules = new HostRules(options);
  return (request) => {
    const host = request.headers.get("host") ?? authorityOf(request.url);
    if (!rules.allows(host)) {
      return refusal(421, `Refused host ${quoted(host)}: allow it with ${option}`);
    }
    const origin = request.headers.get("origin");
    if (origin === null || rules.allowsOrigin(origin, host)) return undefined;
    return refusal(403, `Refused origin ${quoted(origin)}: allow its host with ${option}`);
  };
}

function authorityOf(url: string): string {
  return URL.parse(url)?.host ?? "";
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function refusal(status: 403 | 421, message: string): Response {
  return errorResponse(new RpcError(Status.PERMISSION_DENIED, message), status);
}
