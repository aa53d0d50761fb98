/**
 * One accepted connection of a server: TLS handshake, protocol detection, then an engine and its driver.
 *
 * @module
 */

import { acquireBuffer, releaseBuffer } from "../../bytes/pool.ts";
import type { Clock } from "../../call/clock.ts";
import type { HostRules } from "../../call/host_rules.ts";
import { printable } from "../../call/printable.ts";
import { Status } from "../../call/status.ts";
import type {
  CancelStatus,
  ServerCall,
  ServerConnection,
  ServerConnectionSink,
} from "../../call/wire.ts";
import { systemTurns } from "../../event_loop/turns.ts";
import { GrpcServerConnection, type GrpcServerOptions } from "../../grpc/server.ts";
import { LeanServerConnection } from "../../lean/server.ts";
import { HTTP1_PART, MemoryShare } from "../../limits/memory_pool.ts";
import { textOf } from "../../errors.ts";
import type { ByteStream } from "../../transport/types.ts";
import { Http2Exchange } from "../../web/server/http2_exchange.ts";
import type { AcceptCall, WebServer } from "../../web/server/web_server.ts";
import { type ServerAttestation, ServerExchange } from "../attestation/server_exchange.ts";
import type { CallHost } from "./call_host.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import { HandlerSlots } from "../dispatch/handler_slots.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import { CONNECTION_FAILED, ConnectionDriver } from "../core/connection_driver.ts";
import { GRACEFUL_LINGER_MS } from "../core/linger.ts";
import { serverLog } from "../core/log.ts";
import { OpenCalls } from "../core/open_calls.ts";
import type { CallObserver } from "../core/observer.ts";
import { contradicts, isClose } from "./connection_checks.ts";
import { frozenPeer } from "./frozen_peer.ts";
import { answerHttp1 } from "./http1_answer.ts";
import { http1Calls } from "./http1_calls.ts";
import type { ConnectionSettings, ServerStats } from "./options.ts";
import type { WarningLimit } from "./warning_limit.ts";
import { looksLikeTls, sniff, type SniffedWire } from "./protocol_sniffer.ts";

// Lateness of a timer, in ms, that shows a blocked thread: what arrived meanwhile was not read yet, and gets as much time.
const BLOCKED_MS = 100;

/** Server interface used by its connections. */
export interface ServerConnectionOwner {
  /** Runs the calls. */
  readonly host: CallHost;
  /** Clock of the connections' timers and the calls' deadlines. */
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  /** Turns requests of HTTP into calls; undefined if the web protocols are off. */
  readonly web: WebServer | undefined;
  readonly counts: ServerStats["connections"];
  /** Proves the server to its clients; undefined if it does not. */
  readonly attestation: ServerAttestation | undefined;
  /** Whether the server shuts down. */
  readonly stopping: boolean;
  /** Whether a failed TLS handshake was already logged as a warning. */
  warnedOfHandshake: boolean;
  /** Bounds the warnings that peers cause. */
  readonly warnings: WarningLimit;
  /** Returns the observer of the calls of a connection; undefined for that of all. */
  observerOf(connection: AcceptedConnection): CallObserver | undefined;
  /** Called once when a connection has closed. */
  closed(connection: AcceptedConnection): void;
}

/** An accepted connection, until it is closed. */
export class AcceptedConnection implements ServerConnectionSink {
  readonly #owner: ServerConnectionOwner;
  /** Its byte stream, with the address of the peer. */
  readonly stream: ByteStream;
  readonly #hosts: HostRules | undefined;
  #engine: ServerConnection | undefined = undefined;
  #driver: ConnectionDriver | undefined = undefined;
  #calls: CallConnection | undefined = undefined;
  #opening: DeadlineHandle | undefined = undefined;
  #closed = false;
  /** Whether it is to be drained as soon as it is known which wire it speaks. */
  #drainsAtOpen = false;
  #exchange: ServerExchange | undefined = undefined;

  /**
   * `number` is unique among the connections of the server; `hosts` are those that web requests may name, undefined for
   * all.
   */
  constructor(
    owner: ServerConnectionOwner,
    stream: ByteStream,
    readonly number: number,
    hosts?: HostRules,
  ) {
    this.#owner = owner;
    this.#hosts = hosts;
    this.stream = stream;
  }

  /** Protocol, once it is known. */
  get wire(): string | undefined {
    return this.#calls?.wire;
  }

  /** Calls that are open or whose handlers still run. */
  get activeCalls(): number {
    try {
      return this.#engine?.activeCalls ?? 0;
    } catch (error) {
      this.#driver?.fail(error);
      return 0;
    }
  }

  /** Opens the connection and serves it. Never throws; calls the owner's `closed` at the end. */
  async open(): Promise<void> {
    const { host, clock, settings, counts } = this.#owner;
    const timeoutMs = settings.prefaceTimeoutMs;
    const openByMs = clock.now() + timeoutMs;
    let extended = false;
    const closeLate = () => {
      if (this.#closed || this.#driver) return;
      const nowMs = clock.now();
      if (!extended && nowMs >= openByMs + BLOCKED_MS) {
        extended = true;
        this.#opening = host.deadlines.add(nowMs + BLOCKED_MS, onLate, nowMs);
        return;
      }
      serverLog.debug("{peer} sent no complete preface in {timeoutMs} ms", {
        peer: this.stream.peer.address,
        timeoutMs,
      });
      this.stream.close();
    };
    // Thousands of silent connections may be late together.
    const onLate = () => systemTurns.runInTurn(closeLate);
    this.#opening = host.deadlines.add(openByMs, onLate);
    const buffer = acquireBuffer(4096);
    let handshaking = true;
    try {
      await this.stream.handshake?.();
      handshaking = false;
      const { wire, length } = await sniff(this.stream, buffer);
      const initial = buffer.subarray(0, length);
      if (this.#closed) return;
      if (this.#contradicts(wire)) return;
      if (wire === "grpc" || wire === "lean" || wire === "http1" && this.#owner.web !== undefined) {
        counts[wire]++;
        host.deadlines.cancel(this.#opening);
        this.#serve(wire, initial, openByMs);
        return;
      }
      await this.#rejectConnection(wire, initial);
    } catch (error) {
      counts.unopened++;
      if (handshaking && !isClose(error)) this.#noteHandshake(error);
      else {
        serverLog.debug("{peer} failed before its preface was complete: {error}", {
          peer: this.stream.peer.address,
          error,
        });
      }
    } finally {
      releaseBuffer(buffer);
      if (!this.#driver) this.#end();
    }
  }

  /** Whether the connection speaks another protocol than TLS negotiated, which is counted and logged. */
  #contradicts(wire: SniffedWire): boolean {
    const { address, tls } = this.stream.peer;
    if (!contradicts(tls?.alpn, wire)) return false;
    this.#owner.counts.unknown++;
    serverLog.debug("{peer} negotiated {alpn} by ALPN and speaks {wire}; closed", {
      peer: address,
      alpn: tls?.alpn,
      wire,
    });
    return true;
  }

  #noteHandshake(error: unknown): void {
    const owner = this.#owner;
    serverLog[owner.warnedOfHandshake ? "debug" : "warn"](
      "{reason}; closed (logged as a warning once)",
      { reason: printable(textOf(error)) },
    );
    owner.warnedOfHandshake = true;
  }

  #serve(wire: "grpc" | "lean" | "http1", initial: Uint8Array, openByMs: number): void {
    const { clock, host, settings } = this.#owner;
    const nowMs = clock.now();
    this.#calls = {
      peer: frozenPeer(this.stream.peer),
      // Calls over HTTP/1.1 name their protocol themselves.
      wire: wire === "http1" ? "connect" : wire,
      clock,
      memory: new MemoryShare(settings.memory, wire === "http1" ? HTTP1_PART : 1),
      handlers: new HandlerSlots(settings.maxHandlers),
      encodings: settings.encodings,
      lastCancelError: undefined,
      calls: new OpenCalls(),
      fail: (error) => this.#driver!.fail(error),
      observer: this.#owner.observerOf(this),
    };
    if (this.#owner.attestation !== undefined && wire !== "http1") {
      this.#exchange = new ServerExchange(this.#owner.attestation, {
        stream: this.stream,
        wire,
        attested: (attestation) => {
          const calls = this.#calls!;
          calls.peer = frozenPeer({ ...calls.peer, attestation });
        },
        failed: (reason) => this.abort(reason),
      });
    }
    // One timeout covers everything from accept to a complete preface.
    this.#engine = this.#createEngine(wire, Math.max(1, openByMs - nowMs), nowMs);
    this.#driver = new ConnectionDriver({
      stream: this.stream,
      engine: this.#engine,
      clock,
      onClose: () => this.#end(),
      failures: host.failures,
      stallTimeoutMs: settings.stallTimeoutMs,
      deferClose: true,
      lingerMs: GRACEFUL_LINGER_MS,
    });
    this.#driver.start(initial);
    if (this.#drainsAtOpen) this.drain();
  }

  #createEngine(
    wire: "grpc" | "lean" | "http1",
    prefaceTimeoutMs: number,
    nowMs: number,
  ): ServerConnection {
    const { settings, web } = this.#owner;
    const options = { ...settings.engine, prefaceTimeoutMs };
    if (wire === "lean") return new LeanServerConnection(this, options, nowMs);
    const accept = (call: ServerCall) => this.onCall(call);
    // Inside TLS the client has checked the server's name against its certificate.
    const hosts = this.stream.peer.tls === undefined ? this.#hosts : undefined;
    if (wire === "grpc") {
      const openHttp = web && openerOf(web, accept, hosts);
      return new GrpcServerConnection(this, { ...options, openHttp }, nowMs);
    }
    this.#limitAge(nowMs);
    const owner = {
      web: web!,
      hosts,
      memory: this.#calls!.memory,
      webSockets: settings.web!.webSockets,
      webSocketLimits: settings.web!.webSocketLimits,
      accept,
      openInner: (nowMs: number) => this.#openWebSocket(nowMs),
      close: (reason: string) => this.close(reason),
      note: (level: "debug" | "warn", message: string) => this.onNote(level, message),
    };
    return http1Calls(owner, settings.web!.http1, nowMs);
  }

  /** Creates the engine inside a WebSocket, which limits its age itself. */
  #openWebSocket(nowMs: number): ServerConnection {
    const { host, settings } = this.#owner;
    if (this.#opening) host.deadlines.cancel(this.#opening);
    this.#calls = { ...this.#calls!, wire: "lean" };
    return new LeanServerConnection(this, settings.engine, nowMs);
  }

  /** Drains a connection of HTTP/1.1 when it has reached its age, and aborts it after the grace. */
  #limitAge(nowMs: number): void {
    const { host, settings } = this.#owner;
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs } = settings;
    if (maxConnectionAgeMs === Infinity) return;
    const endMs = nowMs + maxConnectionAgeMs;
    this.#opening = host.deadlines.add(endMs, () => {
      this.drain();
      if (maxConnectionAgeGraceMs === Infinity || this.#closed) return;
      this.#opening = host.deadlines.add(
        endMs + maxConnectionAgeGraceMs,
        () => this.abort("The connection is too old"),
      );
    });
  }

  /** Counts and closes a connection that speaks neither gRPC nor lean; answers HTTP/1. */
  async #rejectConnection(
    wire: Exclude<SniffedWire, "grpc" | "lean">,
    initial: Uint8Array,
  ): Promise<void> {
    const { counts, settings } = this.#owner;
    const peer = this.stream.peer.address;
    if (wire === "ended") {
      counts.unopened++;
    } else if (wire === "unknown") {
      const what = looksLikeTls(initial) ? "TLS on an address without TLS" : "an unknown protocol";
      serverLog[counts.unknown++ === 0 ? "warn" : "debug"](
        "{peer} speaks {what}; closed (logged as a warning once)",
        { peer, what },
      );
    } else {
      counts.http1++;
      serverLog.debug("{peer} speaks HTTP/1", { peer });
      try {
        await answerHttp1(this.stream, settings.infoText);
      } catch {
        // The peer has closed the connection.
      }
    }
  }

  /** Accepts a call. */
  onCall(call: ServerCall): void {
    if (this.#exchange?.takes(call)) return;
    this.#owner.host.accept(call, this.#calls as CallConnection);
  }

  /** Logs a message of the engine. */
  onNote(level: "debug" | "warn", message: string): void {
    serverLog[level === "warn" ? this.#owner.warnings.level() : level]("{peer}: {message}", {
      peer: this.stream.peer.address,
      message: printable(message),
    });
  }

  /** Refuses new calls and closes once the open ones have ended. */
  drain(): void {
    if (!this.#engine && this.#owner.stopping) return this.close("The server is shutting down");
    if (!this.#engine) {
      // The peer would take a close after its handshake for a failure; it gets the wire's farewell instead.
      this.#drainsAtOpen = true;
      return;
    }
    const engine = this.#engine;
    this.#driver?.guard(() => engine.drain(this.#owner.clock.now()));
    this.#driver?.wake();
  }

  /** Cancels open calls and closes once the peer was notified. */
  abort(reason: string, status?: CancelStatus): void {
    if (!this.#engine) return this.close(reason);
    const engine = this.#engine;
    this.#driver?.guard(() => engine.abort(reason, this.#owner.clock.now(), status));
    this.#driver?.wake();
  }

  /** Resolves once the byte stream of this closed connection is released; undefined if it is at once. */
  released(): Promise<void> | undefined {
    return this.stream.released?.();
  }

  /** Closes at once. */
  close(reason: string): void {
    if (this.#driver) {
      this.#driver.close(reason);
    } else {
      // Rejects the pending read or handshake in `open`, which ends the connection.
      this.#closed = true;
      this.stream.close();
    }
  }

  #end(): void {
    if (this.#opening) this.#owner.host.deadlines.cancel(this.#opening);
    if (!this.#driver) this.stream.close();
    // An engine that works has ended its calls.
    this.#calls?.calls.endAll(
      ({ owner }) => owner?.onCancel(Status.UNAVAILABLE, CONNECTION_FAILED),
      (error) => this.#driver?.fail(error),
    );
    this.#owner.closed(this);
  }
}

/** Opens streams of HTTP/2 that are not gRPC calls. */
function openerOf(
  web: WebServer,
  accept: AcceptCall,
  hosts: HostRules | undefined,
): GrpcServerOptions["openHttp"] {
  return (stream, list, summary, endStream) => {
    const exchange = new Http2Exchange(stream, list, summary, endStream);
    web.open(exchange, accept, hosts);
    return exchange;
  };
}
