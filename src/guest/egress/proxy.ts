/**
 * Egress proxy of the parent: an enclave reaches the listed hosts and ports through it, and no others.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../call/clock.ts";
import { systemClock } from "../../rpc/core/system_clock.ts";
import { isInstance, textOf, TransportError } from "../../errors.ts";
import { type Address, formatHostPort, ipFamily } from "../../transport/address.ts";
import { dial } from "../../transport/dial.ts";
import { listen } from "../../transport/listen.ts";
import type { Resolver } from "../../transport/resolve.ts";
import type { ByteStream } from "../../transport/types.ts";
import { Listeners } from "../../rpc/server/listeners.ts";
import { WarningLimit } from "../../rpc/server/warning_limit.ts";
import type { AllowList, Destination } from "./allow_list.ts";
import { answerRefusal, writeAll } from "./answer.ts";
import { type ConnectRequest, EgressRefusal, readConnectRequest } from "./connect_request.ts";
import { type EgressOptions, type EgressSettings, egressSettings } from "./options.ts";
import { Tunnel } from "./tunnel.ts";

const logger = getLogger(["vrpc", "guest", "egress"]);
const ESTABLISHED = new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n");
/** Time for a refused peer to read the answer, in ms. */
const ANSWER_MS = 1_000;

/**
 * Counts of an {@link EgressProxy} since its start.
 *
 * @category Egress
 */
export interface EgressStats {
  /** Connections from enclaves that are open now, tunnels included. */
  readonly connections: number;
  /** Tunnels that are open now. */
  readonly tunnels: number;
  /** Tunnels that were opened. */
  readonly opened: number;
  /** Bytes from enclaves to their destinations. */
  readonly sentBytes: number;
  /** Bytes from destinations to enclaves. */
  readonly receivedBytes: number;
  /** Requests without a tunnel, by reason. */
  readonly refused: {
    /** The context id of the peer is not allowed. */
    readonly peer: number;
    /** Too many connections are open. */
    readonly busy: number;
    /** Not a valid CONNECT request, or none in time. */
    readonly malformed: number;
    /** Host, port or IP address are not allowed. */
    readonly forbidden: number;
    /** The name could not be resolved, or the destination not be connected to. */
    readonly unreachable: number;
  };
}

/** Reason of a refusal in {@link EgressStats}. */
type RefusedReason = keyof EgressStats["refused"];

/** Connection from an enclave; `close` ends it at once, for a reason. */
interface OpenConnection {
  close(reason: string): void;
}

/**
 * Running egress proxy; made by {@link serveEgress}.
 *
 * @category Egress
 */
export class EgressProxy implements AsyncDisposable {
  readonly #settings: EgressSettings;
  readonly #listeners: Listeners;
  readonly #warnings: WarningLimit;
  readonly #open = new Set<OpenConnection>();
  readonly #refused: Record<RefusedReason, number> = {
    peer: 0,
    busy: 0,
    malformed: 0,
    forbidden: 0,
    unreachable: 0,
  };
  #tunnels = 0;
  #opened = 0;
  #sentBytes = 0;
  #receivedBytes = 0;
  #onIdle: (() => void) | undefined = undefined;

  /** Creates a proxy that listens nowhere; {@link serveEgress} adds its listeners. */
  constructor(settings: EgressSettings, add: (listeners: Listeners) => void) {
    this.#settings = settings;
    const { clock } = settings;
    this.#warnings = new WarningLimit(clock);
    this.#listeners = new Listeners({
      clock,
      warnings: this.#warnings,
      accept: (stream) => this.#accept(stream),
    });
    add(this.#listeners);
  }

  /** Addresses with their actual ports. */
  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  /** Returns the counts of now. */
  stats(): EgressStats {
    return {
      connections: this.#open.size,
      tunnels: this.#tunnels,
      opened: this.#opened,
      sentBytes: this.#sentBytes,
      receivedBytes: this.#receivedBytes,
      refused: { ...this.#refused },
    };
  }

  /** Stops accepting, and closes the tunnels that are open after `graceMs` (default 5,000). Never rejects. */
  async shutdown(options: { graceMs?: number } = {}): Promise<void> {
    await this.#listeners.close();
    const { clock } = this.#settings;
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(() => {
        for (const one of [...this.#open]) one.close("the proxy shuts down");
      }, options.graceMs ?? 5_000);
      this.#onIdle = () => {
        clock.clearTimer(timer);
        resolve();
      };
    });
  }

  /** Stops at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown({ graceMs: 0 });
  }

  #accept(stream: ByteStream): void {
    const { allowVsockCids, maxConnections } = this.#settings;
    const { vsockCid } = stream.peer;
    if (vsockCid !== undefined && allowVsockCids && !allowVsockCids.includes(vsockCid)) {
      this.#refuse("peer", stream, "its context id is not allowed");
      return stream.close();
    }
    const busy = this.#open.size >= maxConnections;
    // The connections that get the answer "busy" are limited, too.
    if (busy && this.#open.size >= maxConnections * 2) {
      this.#refuse("busy", stream, `${maxConnections} connections are open`);
      return stream.close();
    }
    const connection = new EgressConnection(stream, this.#settings);
    this.#open.add(connection);
    this.#serve(connection, busy).finally(() => {
      stream.close();
      this.#open.delete(connection);
      if (this.#open.size === 0) this.#onIdle?.();
    });
  }

  /** Serves one connection. Never rejects. */
  async #serve(connection: EgressConnection, busy: boolean): Promise<void> {
    const { stream } = connection;
    try {
      if (busy) {
        const { maxConnections } = this.#settings;
        throw new EgressRefusal(503, `${maxConnections} connections are open already; try later`);
      }
      const request = await connection.request();
      if (request === undefined) return;
      await this.#tunnel(connection, await connection.dial(request), request);
    } catch (error) {
      this.#refuse(reasonFor(error), stream, textOf(error), connection.destination);
      if (isInstance(error, EgressRefusal)) await connection.answer(error);
    }
  }

  async #tunnel(
    connection: EgressConnection,
    far: ByteStream,
    request: ConnectRequest,
  ): Promise<void> {
    const { clock, idleTimeoutMs, maxTunnelBytes: maxBytes } = this.#settings;
    const { stream, destination } = connection;
    const startMs = clock.now();
    const tunnel = new Tunnel(stream, far, {
      limits: { idleTimeoutMs, maxBytes },
      clock,
      count: (sent, received) => {
        this.#sentBytes += sent;
        this.#receivedBytes += received;
      },
    });
    connection.tunnel = tunnel;
    this.#tunnels++;
    this.#opened++;
    const { address: peer } = stream.peer;
    logger.debug("Tunnel from {peer} to {destination} opened", { peer, destination });
    try {
      const reason = await connection.establish().then(() => tunnel.run(request.rest), textOf);
      const { sentBytes, receivedBytes } = tunnel;
      logger.info(
        "Tunnel from {peer} to {destination} closed after {ms} ms: " +
          "{sentBytes} bytes sent, {receivedBytes} received, {reason}",
        {
          peer,
          destination,
          ms: Math.round(clock.now() - startMs),
          sentBytes,
          receivedBytes,
          reason,
        },
      );
    } finally {
      this.#tunnels--;
      tunnel.close("ended");
    }
  }

  #refuse(reason: RefusedReason, stream: ByteStream, why: string, destination?: string): void {
    this.#refused[reason]++;
    const { address: peer } = stream.peer;
    logger[this.#warnings.level()](
      destination === undefined
        ? "Refused {peer}: {why}"
        : "Refused a tunnel from {peer} to {destination}: {why}",
      { peer, destination, why },
    );
  }
}

/** Connection from an enclave, from its request to its tunnel. */
class EgressConnection implements OpenConnection {
  readonly stream: ByteStream;
  /** `host:port` of the request, once it is known. */
  destination: string | undefined = undefined;
  /** The tunnel, once there is one. */
  tunnel: Tunnel | undefined = undefined;
  readonly #settings: EgressSettings;
  readonly #abort = new AbortController();

  constructor(stream: ByteStream, settings: EgressSettings) {
    this.stream = stream;
    this.#settings = settings;
  }

  close(reason: string): void {
    this.tunnel?.close(reason);
    this.#abort.abort(new EgressRefusal(503, reason));
    this.stream.close();
  }

  /** Reads the request. Rejects when it is not valid or late. */
  async request(): Promise<ConnectRequest | undefined> {
    const { requestTimeoutMs } = this.#settings;
    const late = `No request within ${requestTimeoutMs} ms`;
    const request = await this.#within(requestTimeoutMs, late, () => {
      return readConnectRequest(this.stream);
    });
    if (request !== undefined) this.destination = formatHostPort(request.host, request.port);
    return request;
  }

  /** Connects to a destination. Rejects with an {@link EgressRefusal} if it is not allowed or not reachable. */
  async dial(target: Destination): Promise<ByteStream> {
    const { destinations, connectTimeoutMs: timeoutMs } = this.#settings;
    if (!destinations.allows(target)) {
      throw new EgressRefusal(403, `${this.destination} is not an allowed destination`);
    }
    let forbidden: EgressRefusal | undefined;
    const resolver: Resolver = async (host, port, signal) => {
      const found = await this.#settings.resolver(host, port, signal);
      const good = found.filter((one) =>
        one.kind === "tcp" && destinations.refusesAddress(one.host) === undefined
      );
      if (good.length === 0 && found.length > 0) {
        throw forbidden = addressRefusal(host, found[0], destinations);
      }
      return good.map((one) => ({ ...one, port }));
    };
    try {
      return await dial({ ...target, kind: ipFamily(target.host) === 0 ? "dns" : "tcp" }, {
        timeoutMs,
        resolver,
        signal: this.#abort.signal,
      });
    } catch (error) {
      throw forbidden ?? dialRefusal(error);
    }
  }

  /** Tells the enclave that the tunnel is open. */
  async establish(): Promise<void> {
    const { requestTimeoutMs } = this.#settings;
    await this.#within(requestTimeoutMs, "The answer was not read in time", () => {
      return writeAll(this.stream, ESTABLISHED);
    });
  }

  /** Tells the enclave why there is no tunnel. Never rejects. */
  async answer(refusal: EgressRefusal): Promise<void> {
    await this.#within(ANSWER_MS, "late", () => answerRefusal(this.stream, refusal)).catch(
      () => {},
    );
  }

  /** Runs a step of the exchange; closes the stream when it takes too long. */
  async #within<T>(timeoutMs: number, late: string, step: () => Promise<T>): Promise<T> {
    const { clock } = this.#settings;
    let expired = false;
    const timer = clock.setTimer(() => {
      expired = true;
      this.stream.close();
    }, timeoutMs);
    try {
      return await step();
    } catch (error) {
      throw expired ? new TransportError(late, { cause: error }) : error;
    } finally {
      clock.clearTimer(timer);
    }
  }
}

/** Returns the reason under which a request without a tunnel is counted. */
function reasonFor(error: unknown): RefusedReason {
  switch (isInstance(error, EgressRefusal) ? error.status : 400) {
    case 403:
      return "forbidden";
    case 502:
    case 504:
      return "unreachable";
    case 503:
      return "busy";
    default:
      return "malformed";
  }
}

function addressRefusal(host: string, found: Address, list: AllowList): EgressRefusal {
  if (found.kind !== "tcp") return new EgressRefusal(502, `${host} has no addresses`);
  return new EgressRefusal(
    403,
    `${host} leads to ${found.host}, a ${list.refusesAddress(found.host)}; ` +
      "the range of such an address must be allowed, too",
  );
}

function dialRefusal(error: unknown): EgressRefusal {
  if (isInstance(error, EgressRefusal)) return error;
  const text = textOf(error);
  return new EgressRefusal(/timed out after/.test(text) ? 504 : 502, text);
}

/**
 * Serves an egress proxy on one or several addresses: a CONNECT proxy (RFC 9110 §9.3.6) through which an enclave reaches
 * the listed hosts and ports. Names are resolved here. Rejects with a {@link TransportError} if an address cannot be
 * listened on, or with a TypeError or RangeError for invalid options.
 *
 * @category Egress
 */
export function serveEgress(
  addresses: string | readonly string[],
  options: EgressOptions,
): Promise<EgressProxy> {
  return startEgress(addresses, options, systemClock);
}

/** Serves an egress proxy with a given source of time. */
export async function startEgress(
  addresses: string | readonly string[],
  options: EgressOptions,
  clock: Clock,
): Promise<EgressProxy> {
  const settings = egressSettings(options, clock);
  const { unixMode } = options;
  let listeners: Listeners | undefined;
  const proxy = new EgressProxy(settings, (made) => listeners = made);
  try {
    for (const address of [addresses].flat()) listeners!.add(await listen(address, { unixMode }));
  } catch (error) {
    await proxy.shutdown({ graceMs: 0 });
    throw error;
  }
  return proxy;
}
