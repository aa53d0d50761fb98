/**
 * Forwards a local address of the enclave to a proxy of the parent, for programs that know HTTP proxies by TCP alone.
 *
 * @module
 */

import { getLogger } from "@logtape/logtape";
import type { Clock } from "../../call/clock.ts";
import { textOf } from "../../errors.ts";
import { checkRange, whole } from "../../limits/ranges.ts";
import { systemClock } from "../../rpc/core/system_clock.ts";
import { Listeners } from "../../rpc/server/listeners.ts";
import { WarningLimit } from "../../rpc/server/warning_limit.ts";
import { parseAddress } from "../../transport/address_parser.ts";
import { dial } from "../../transport/dial.ts";
import { listen } from "../../transport/listen.ts";
import type { ByteStream } from "../../transport/types.ts";
import { answerRefusal } from "./answer.ts";
import { EgressRefusal } from "./connect_request.ts";
import { Tunnel } from "./tunnel.ts";

const logger = getLogger(["vrpc", "guest", "egress"]);

/**
 * Options of {@link forwardEgress}.
 *
 * @category Egress
 */
export interface ForwardOptions {
  /** Most connections open at once, 1 to 65,535; further ones are closed. Default 256. */
  maxConnections?: number;
  /** Time limit for connecting to the proxy, in ms. Default 10,000. */
  connectTimeoutMs?: number;
}

/**
 * Running forwarder; made by {@link forwardEgress}.
 *
 * @category Egress
 */
export interface EgressForwarder extends AsyncDisposable {
  /** Address with its actual port, such as `127.0.0.1:3128`. */
  readonly address: string;
  /** Stops accepting, and closes all connections. Never rejects. */
  close(): Promise<void>;
}

/**
 * Listens on a local address and forwards each connection to an egress proxy, so that `Deno.createHttpClient`, Node's
 * agents and the variables `HTTPS_PROXY` and `HTTP_PROXY` can name it as `http://127.0.0.1:3128`. Rejects with a
 * TransportError if the address cannot be listened on.
 *
 * @category Egress
 */
export async function forwardEgress(
  address: string,
  proxy: string,
  options: ForwardOptions = {},
): Promise<EgressForwarder> {
  const { maxConnections = 256, connectTimeoutMs = 10_000 } = options;
  checkRange("maxConnections", maxConnections, whole(1, 65_535));
  checkRange("connectTimeoutMs", connectTimeoutMs, { least: 1, most: Infinity, whole: false });
  parseAddress(proxy);
  const forwarder = new Forwarder(proxy, { maxConnections, connectTimeoutMs }, systemClock);
  forwarder.listeners.add(await listen(address));
  return forwarder;
}

class Forwarder implements EgressForwarder {
  readonly listeners: Listeners;
  readonly #proxy: string;
  readonly #options: Required<ForwardOptions>;
  readonly #clock: Clock;
  readonly #warnings: WarningLimit;
  readonly #open = new Map<ByteStream, Promise<void>>();
  readonly #abort = new AbortController();

  constructor(proxy: string, options: Required<ForwardOptions>, clock: Clock) {
    this.#proxy = proxy;
    this.#options = options;
    this.#clock = clock;
    this.#warnings = new WarningLimit(clock);
    this.listeners = new Listeners({
      clock,
      warnings: this.#warnings,
      accept: (stream) => this.#accept(stream),
    });
  }

  get address(): string {
    return this.listeners.addresses[0];
  }

  async close(): Promise<void> {
    const closed = this.listeners.close();
    this.#abort.abort(new EgressRefusal(503, "The forwarder was closed"));
    for (const stream of this.#open.keys()) stream.close();
    await Promise.all([closed, ...this.#open.values()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(stream: ByteStream): void {
    const { maxConnections } = this.#options;
    if (this.#open.size >= maxConnections) {
      this.#warn(`${maxConnections} connections are open`);
      return stream.close();
    }
    const served = this.#forward(stream).finally(() => {
      stream.close();
      this.#open.delete(stream);
    });
    this.#open.set(stream, served);
  }

  /** Forwards one connection until it ends. Never rejects. */
  async #forward(stream: ByteStream): Promise<void> {
    let far: ByteStream;
    try {
      far = await dial(this.#proxy, {
        timeoutMs: this.#options.connectTimeoutMs,
        signal: this.#abort.signal,
      });
    } catch (error) {
      this.#warn(textOf(error));
      const timer = this.#clock.setTimer(() => stream.close(), 1_000);
      await answerRefusal(stream, new EgressRefusal(502, textOf(error))).catch(() => {});
      return this.#clock.clearTimer(timer);
    }
    const tunnel = new Tunnel(stream, far, {
      limits: { maxBytes: Infinity, idleTimeoutMs: Infinity },
      clock: this.#clock,
    });
    await tunnel.run(new Uint8Array(0));
  }

  #warn(why: string): void {
    logger[this.#warnings.level()]("Cannot forward to {proxy}: {why}", { proxy: this.#proxy, why });
  }
}
