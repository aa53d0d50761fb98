/**
 * Refuses HTTP requests that a web page of another site may have caused: by a name that was rebound to this
 * address (DNS rebinding), or from another origin.
 *
 * @module
 */

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

interface Host {
  /** Host name in lower case, or IP address; IPv6 in brackets. */
  readonly name: string;
  readonly port: number | undefined;
}

/**
 * Creates the check of Host and Origin. Hosts: the listening address, `localhost`, `127.0.0.1` and `[::1]`, each
 * with the port, and those of `allow`. On a wildcard address: `localhost` and every IP address, with any port,
 * because an address can't be rebound. An Origin must have the host of the request, or one of `allow`.
 * Others receive 421 and 403 (RFC 9110 §15.5.20, §15.5.4).
 */
export function allowedHosts(options: AllowedHostsOptions): HostCheck {
  const { port, allow = [], option = "the option allow" } = options;
  if (allow.includes("*")) return () => undefined;
  const listening = bracketed(options.hostname);
  const anyAddress = listening === "0.0.0.0" || listening === "[::]";
  const own = new Set(
    [listening, "localhost", "127.0.0.1", "[::1]"].map((name) => `${name}:${port}`),
  );
  const further = new Set(allow.map(entryOf));
  const isFurther = ({ name, port }: Host) =>
    further.has(name) || further.has(`${name}:${port ?? 80}`);
  const isAllowed = (text: string) => {
    const host = parseHost(text);
    if (host === undefined) return false;
    return own.has(`${host.name}:${host.port ?? 80}`) || isFurther(host) ||
      anyAddress && (host.name === "localhost" || isAddress(host.name));
  };
  const refuseHost = (text: string) =>
    refusal(421, `Refused host ${quoted(text)}: allow it with ${option}`);
  return (request) => {
    const text = request.headers.get("host") ?? authorityOf(request.url);
    // Most Host fields equal an own host exactly and need no parsing.
    if (!own.has(text) && !isAllowed(text)) return refuseHost(text);
    const origin = request.headers.get("origin");
    if (origin === null) return undefined;
    const from = /^https?:\/\/([^/?#]*)$/i.exec(origin)?.[1];
    const host = from === undefined ? undefined : parseHost(from);
    if (host !== undefined && (from!.toLowerCase() === text.toLowerCase() || isFurther(host))) {
      return undefined;
    }
    return refusal(403, `Refused origin ${quoted(origin)}: allow its host with ${option}`);
  };
}

function parseHost(text: string): Host | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:[\]@/?#,]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match === null) return undefined;
  return {
    name: match[1].toLowerCase(),
    port: match[2] === undefined ? undefined : Number(match[2]),
  };
}

function entryOf(entry: string): string {
  const host = parseHost(bracketed(entry));
  // As browsers send it: in ASCII, without a dot at the end.
  const possible = host !== undefined &&
    /^(?:\[.*\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/.test(host.name) &&
    (host.port ?? 0) <= 65_535;
  if (!possible) {
    throw new TypeError(`Cannot allow host "${entry}": use the form name, name:port or *`);
  }
  return host.port === undefined ? host.name : `${host.name}:${host.port}`;
}

// An IPv6 address, and nothing else, has two colons or more.
function bracketed(name: string): string {
  const ipv6 = !name.startsWith("[") && name.indexOf(":") !== name.lastIndexOf(":");
  if (!ipv6) return name.toLowerCase();
  return URL.parse(`http://[${name}]`)?.hostname ?? name;
}

function isAddress(name: string): boolean {
  return name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
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
