/**
 * One accepted connection of a server: handshake, sniffing, then an engine and its driver.
 *
 * @module
 */

import { acquireBuffer, releaseBuffer } from "../../bytes/pool.ts";
import type { Clock } from "../../call/clock.ts";
import type { ServerCall, ServerConnection, ServerConnectionSink } from "../../call/wire.ts";
import { GrpcServerConnection } from "../../grpc/server.ts";
import { LeanServerConnection } from "../../lean/server.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { CallHost } from "./call_host.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import { ConnectionDriver } from "../core/connection_driver.ts";
import { serverLog } from "../core/log.ts";
import type { ConnectionSettings, ServerStats } from "./options.ts";
import { looksLikeTls, sniff, type SniffedWire } from "./protocol_sniffer.ts";

// A client on a slow link gives credit once per some 100 KiB; 5 s are 200 kbit/s.
const LINGER_MS = 5_000;

/** What connections need of their server. */
export interface ServerConnectionOwner {
  readonly host: CallHost;
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  readonly counts: ServerStats["connections"];
  /** Whether the log has said that a TLS handshake failed. */
  warnedOfHandshake: boolean;
  /** The connection is closed. Called once. */
  closed(connection: AcceptedConnection): void;
}

/** From accept to close. */
export class AcceptedConnection implements ServerConnectionSink {
  readonly #owner: ServerConnectionOwner;
  readonly #stream: ByteStream;
  #engine: ServerConnection | undefined = undefined;
  #driver: ConnectionDriver | undefined = undefined;
  #calls: CallConnection | undefined = undefined;
  #opening: DeadlineHandle | undefined = undefined;
  #closed = false;

  /** `number` tells it apart from the others of its server. */
  constructor(owner: ServerConnectionOwner, stream: ByteStream, readonly number: number) {
    this.#owner = owner;
    this.#stream = stream;
  }

  /** Calls that are open or whose handlers still run. */
  get activeCalls(): number {
    return this.#engine?.activeCalls ?? 0;
  }

  /** Opens the connection and serves it. Never throws; the end is told to the owner. */
  async open(): Promise<void> {
    const { host, clock, settings, counts } = this.#owner;
    const timeoutMs = settings.prefaceTimeoutMs;
    const openByMs = clock.now() + timeoutMs;
    this.#opening = host.deadlines.add(openByMs, () => {
      serverLog.debug("{peer} said too little in {timeoutMs} ms", {
        peer: this.#stream.peer.address,
        timeoutMs,
      });
      this.#stream.close();
    });
    const buffer = acquireBuffer(4096);
    let handshaking = true;
    try {
      await this.#stream.handshake?.();
      handshaking = false;
      const { wire, length } = await sniff(this.#stream, buffer);
      const initial = buffer.subarray(0, length);
      if (this.#closed) return;
      if (wire === "grpc" || wire === "lean") {
        counts[wire]++;
        host.deadlines.cancel(this.#opening);
        this.#serve(wire, initial, openByMs);
        return;
      }
      await this.#rejectConnection(wire, initial);
    } catch (error) {
      counts.unopened++;
      if (handshaking && !isEnd(error)) this.#noteHandshake(error);
      else {
        serverLog.debug("{peer} failed before it could call: {error}", {
          peer: this.#stream.peer.address,
          error,
        });
      }
    } finally {
      releaseBuffer(buffer);
      if (!this.#driver) this.#end();
    }
  }

  #noteHandshake(error: unknown): void {
    const owner = this.#owner;
    serverLog[owner.warnedOfHandshake ? "debug" : "warn"](
      "{reason}; closed (a warning is given once)",
      { reason: error instanceof Error ? error.message : String(error) },
    );
    owner.warnedOfHandshake = true;
  }

  #serve(wire: "grpc" | "lean", initial: Uint8Array, openByMs: number): void {
    const { clock, settings } = this.#owner;
    const nowMs = clock.now();
    this.#calls = {
      peer: this.#stream.peer,
      wire,
      clock,
      lastCancelError: undefined,
    };
    // What is left of the one timer that runs from accept.
    const prefaceTimeoutMs = Math.max(1, openByMs - nowMs);
    const options = { ...settings.engine, prefaceTimeoutMs };
    this.#engine = wire === "grpc"
      ? new GrpcServerConnection(this, options, nowMs)
      : new LeanServerConnection(this, options, nowMs);
    this.#driver = new ConnectionDriver({
      stream: this.#stream,
      engine: this.#engine,
      clock,
      onClose: () => this.#end(),
      stallTimeoutMs: settings.stallTimeoutMs,
      deferClose: true,
      lingerMs: LINGER_MS,
    });
    this.#driver.start(initial);
  }

  /** Says goodbye to what can't be served. */
  async #rejectConnection(
    wire: Exclude<SniffedWire, "grpc" | "lean">,
    initial: Uint8Array,
  ): Promise<void> {
    const { counts, settings } = this.#owner;
    const peer = this.#stream.peer.address;
    if (wire === "ended") {
      counts.unopened++;
    } else if (wire === "unknown") {
      const what = looksLikeTls(initial) ? "TLS, and this address has none" : "an unknown protocol";
      serverLog[counts.unknown++ === 0 ? "warn" : "debug"](
        "{peer} speaks {what}; closed (a warning is given once)",
        { peer, what },
      );
    } else {
      counts.http1++;
      serverLog.debug("{peer} speaks HTTP/1", { peer });
      try {
        await answerHttp1(this.#stream, settings.infoText);
      } catch {
        // Whoever asked has gone.
      }
    }
  }

  /** A call arrived. */
  onCall(call: ServerCall): void {
    this.#owner.host.accept(call, this.#calls as CallConnection);
  }

  /** The engine has something to say. */
  onNote(level: "debug" | "warn", message: string): void {
    serverLog[level]("{peer}: {message}", { peer: this.#stream.peer.address, message });
  }

  /** Lets open calls finish, takes no new ones, then closes. */
  drain(): void {
    if (!this.#engine) return this.close("The server is shutting down");
    this.#engine.drain(this.#owner.clock.now());
    this.#driver?.wake();
  }

  /** Cancels open calls and says goodbye. */
  abort(reason: string): void {
    if (!this.#engine) return this.close(reason);
    this.#engine.abort(reason, this.#owner.clock.now());
    this.#driver?.wake();
  }

  /** Closes at once. */
  close(reason: string): void {
    if (this.#driver) {
      this.#driver.close(reason);
    } else {
      // What waits in `open` rejects and ends the connection.
      this.#closed = true;
      this.#stream.close();
    }
  }

  #end(): void {
    if (this.#opening) this.#owner.host.deadlines.cancel(this.#opening);
    if (!this.#driver) this.#stream.close();
    this.#owner.closed(this);
  }
}

/** Whether a connection just ended, by a probe of the port or here, and nothing wrong was said. */
function isEnd(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error &&
    /^(UnexpectedEof|ConnectionReset|BadResource|Interrupted)$/.test(cause.name);
}

/** Answers any HTTP/1 request with a text that says what is spoken here. */
async function answerHttp1(stream: ByteStream, text: string): Promise<void> {
  const body = new TextEncoder().encode(text);
  // RFC 9110 section 15.5.22: the server refuses this protocol, and names one that it takes.
  const head = "HTTP/1.1 426 Upgrade Required\r\n" +
    "upgrade: h2c\r\nconnection: upgrade, close\r\ncontent-type: text/plain; charset=utf-8\r\n" +
    `content-length: ${body.length}\r\n\r\n`;
  const answer = new Uint8Array([...new TextEncoder().encode(head), ...body]);
  for (let sent = 0; sent < answer.length;) sent += await stream.write(answer.subarray(sent));
  await stream.closeWrite();
  // Closing with unread input would reset the connection and take the answer along.
  const rest = new Uint8Array(4096);
  for (let count: number | null = 0, sum = 0; count !== null && sum < 65536; sum += count) {
    count = await stream.read(rest);
    if (count === null) break;
  }
}
