/**
 * Which hosts a request may name. A web page whose name was rebound to this address (DNS rebinding) sends that name in
 * Host, and has the origin of that name.
 *
 * @module
 */

/** Listening address, and further hosts. */
export interface HostRulesOptions {
  /** Address that the server listens on. */
  readonly hostname: string;
  /** Port that the server listens on. */
  readonly port: number;
  /** Further hosts: `name` with any port, `name:port`, or `*` for every host and origin. */
  readonly allow?: readonly string[];
}

interface Host {
  /** Host name in lower case, or IP address; IPv6 in brackets. */
  readonly name: string;
  readonly port: number | undefined;
}

const DEFAULT_PORT = 80;
const MAX_PORT = 65_535;

/**
 * Hosts that requests may name: the listening address, `localhost`, `127.0.0.1` and `[::1]`, each with the port, and
 * those of `allow`. On a wildcard address: `localhost` and every IP address, with any port, because an address can't be
 * rebound.
 */
export class HostRules {
  readonly #all: boolean;
  readonly #anyAddress: boolean;
  readonly #own: ReadonlySet<string>;
  readonly #further: ReadonlySet<string>;

  /** Throws TypeError for an entry of `allow` in another form. */
  constructor({ hostname, port, allow = [] }: HostRulesOptions) {
    const listening = bracketed(hostname);
    this.#all = allow.includes("*");
    this.#anyAddress = listening === "0.0.0.0" || listening === "[::]";
    const names = [listening, "localhost", "127.0.0.1", "[::1]"];
    this.#own = new Set(names.map((name) => `${name}:${port}`));
    this.#further = new Set(allow.filter((entry) => entry !== "*").map(checkedHost));
  }

  /** Whether a request may have this Host. */
  allows(text: string): boolean {
    // Most Host fields equal an own host exactly and need no parsing.
    if (this.#all || this.#own.has(text)) return true;
    const host = parseHost(text);
    if (host === undefined) return false;
    const { name, port = DEFAULT_PORT } = host;
    return this.#own.has(`${name}:${port}`) || this.#isFurther(host) ||
      this.#anyAddress && (name === "localhost" || isAddress(name));
  }

  /** Whether a request with this Host may have this Origin: that of the host, or of one in `allow`. */
  allowsOrigin(origin: string, text: string): boolean {
    if (this.#all) return true;
    const from = /^https?:\/\/([^/?#]*)$/i.exec(origin)?.[1];
    const host = from === undefined ? undefined : parseHost(from);
    if (host === undefined) return false;
    return from!.toLowerCase() === text.toLowerCase() || this.#isFurther(host);
  }

  #isFurther({ name, port = DEFAULT_PORT }: Host): boolean {
    return this.#further.has(name) || this.#further.has(`${name}:${port}`);
  }
}

function parseHost(text: string): Host | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:[\]@/?#,]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match === null) return undefined;
  return {
    name: match[1].toLowerCase(),
    port: match[2] === undefined ? undefined : Number(match[2]),
  };
}

/** Returns a host to be allowed in the form in which it is compared. Throws TypeError for another form. */
export function checkedHost(entry: string): string {
  const host = typeof entry === "string" ? parseHost(bracketed(entry)) : undefined;
  // As browsers send it: in ASCII, without a dot at the end.
  const possible = host !== undefined &&
    /^(?:\[.*\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/.test(host.name) &&
    (host.port ?? 0) <= MAX_PORT;
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
