/**
 * The addresses of a server: each is resolved, and what it resolves to is served by servers of their own.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { Status } from "../call/status.ts";
import { textOf } from "../errors.ts";
import type { ServeOptions } from "../rpc/server/options.ts";
import { serve, type Server } from "../rpc/server/server.ts";
import { type Address, formatAddress, parseAddress } from "../transport/mod.ts";
import type { ServiceDispatcher } from "./dispatcher.ts";
import { LogVerbosity } from "./constants.ts";
import { forceShutdown } from "./force_shutdown.ts";
import { log } from "./logging.ts";
import type { ServerCredentials } from "./server_credentials.ts";
import { addressOf } from "./target.ts";

/** Port that stands for addresses without one. */
const NO_PORT = 1;

/** What an address is served with. */
export interface Serving {
  readonly dispatcher: ServiceDispatcher;
  readonly options: ServeOptions;
}

interface Bound {
  readonly credentials: ServerCredentials;
  /** Resolves to the port once the address listens. */
  readonly port: Promise<number>;
  servers: Server[];
  /** Whether the address was unbound before it listened. */
  cancelled: boolean;
}

/** Addresses of a server, by the text they were bound with; a port 0 is replaced by the actual one. */
export class BoundAddresses {
  readonly #serving: (credentials: ServerCredentials) => Serving;
  readonly #bound = new Map<string, Bound>();
  /** Servers that serve connections, also those of addresses that were unbound. */
  readonly #servers = new Set<Server>();
  #closed = false;

  /** `serving` returns what an address with given credentials is served with. */
  constructor(serving: (credentials: ServerCredentials) => Serving) {
    this.#serving = serving;
  }

  /** Whether any address listens. */
  get listening(): boolean {
    return [...this.#bound.values()].some(({ servers }) => servers.length > 0);
  }

  /** Listens on an address. Resolves to its port. */
  bind(text: string, credentials: ServerCredentials): Promise<number> {
    const address = parsed(text);
    const key = formatAddress(address);
    const known = this.#bound.get(key);
    if (known !== undefined) {
      if (!credentials._equals(known.credentials)) {
        return Promise.reject(new Error(`${text} already bound with incompatible credentials`));
      }
      return known.port;
    }
    // The first step waits for `bound`, which is set by then.
    const port: Promise<number> = Promise.resolve().then(() => this.#listen(address, bound));
    const bound: Bound = { credentials, port, servers: [], cancelled: false };
    if (portOf(address) !== 0) this.#bound.set(key, bound);
    port.then(
      (actual) => this.#bound.set(keyWithPort(address, actual), bound),
      () => {
        // After `unbind`, the key may belong to a later bind.
        if (this.#bound.get(key) === bound) this.#bound.delete(key);
      },
    );
    return port;
  }

  async #listen(address: Address, bound: Bound): Promise<number> {
    const addresses = await resolved(address);
    const errors: string[] = [];
    for (const one of addresses) {
      if (bound.cancelled || this.#closed) break;
      // After the first address has got a port, the others take the same.
      const port = bound.servers.length > 0 ? portOfServer(bound.servers[0]) : undefined;
      try {
        const { dispatcher, options } = this.#serving(bound.credentials);
        const server = await serve(formatAddress(withPort(one, port)), () => {}, options);
        dispatcher.local = server.addresses[0];
        bound.servers.push(server);
        this.#servers.add(server);
        server.finished.then(() => this.#servers.delete(server));
      } catch (error) {
        errors.push(listenError(error));
      }
    }
    if (bound.cancelled || this.#closed) {
      for (const server of bound.servers) server.close();
      throw new Error("bindAsync operation cancelled by unbind call");
    }
    const text = `No address added out of total ${addresses.length} resolved`;
    if (bound.servers.length === 0) {
      log(LogVerbosity.ERROR, text);
      throw new Error(`${text} errors: [${errors.join(",")}]`);
    }
    return portOfServer(bound.servers[0]) ?? NO_PORT;
  }

  /** Stops listening on an address; its connections are closed once their calls have ended. */
  unbind(text: string): void {
    const [key, bound] = this.#find(text, "unbind");
    if (bound === undefined) return;
    bound.cancelled = true;
    this.#bound.delete(key);
    for (const server of bound.servers) server.shutdown({ graceMs: Infinity });
  }

  /** Drains the connections of an address. */
  drain(text: string, graceMs: number): void {
    for (const server of this.#find(text, "drain")[1]?.servers ?? []) {
      server.drain({ graceMs, status: Status.CANCELLED });
    }
  }

  #find(text: string, verb: string): [string, Bound | undefined] {
    const address = parsed(text);
    if (portOf(address) === 0) throw new Error(`Cannot ${verb} port 0`);
    const key = formatAddress(address);
    return [key, this.#bound.get(key)];
  }

  /** Closes everything at once. */
  close(): void {
    this.#closed = true;
    this.#bound.clear();
    for (const server of this.#servers) void forceShutdown(server);
  }

  /** Stops listening; resolves when all connections are closed, once their calls have ended. */
  async shutdown(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      Array.from(this.#servers, (server) => server.shutdown({ graceMs: Infinity })),
    );
  }
}

function parsed(text: string): Address {
  try {
    return parseAddress(addressOf(text));
  } catch (error) {
    throw new Error(`Could not parse port "${text}": ${textOf(error)}`);
  }
}

function portOf(address: Address): number | undefined {
  return address.kind === "tcp" || address.kind === "dns" ? address.port : undefined;
}

function withPort(address: Address, port: number | undefined): Address {
  return port === undefined || portOf(address) !== 0 ? address : { ...address, port } as Address;
}

function keyWithPort(address: Address, port: number): string {
  return formatAddress(withPort(address, port));
}

function portOfServer(server: Server): number | undefined {
  const port = /:(\d+)$/.exec(server.addresses[0])?.[1];
  return parseAddress(server.addresses[0]).kind === "tcp" ? Number(port) : undefined;
}

/** Returns the addresses to listen on: all that a name has. */
async function resolved(address: Address): Promise<Address[]> {
  if (address.kind === "list") return [...address.addresses];
  if (address.kind !== "dns") return [address];
  const found = await lookup(address.host, { all: true });
  return found.map(({ address: host }) => ({ kind: "tcp", host, port: address.port }));
}

/** Returns the text of an error in Node's form, which programs look for. */
function listenError(error: unknown): string {
  const text = textOf(error);
  return /address is (already )?in use|AddrInUse/i.test(text) ? `listen EADDRINUSE: ${text}` : text;
}
