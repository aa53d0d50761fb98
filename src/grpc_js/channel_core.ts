/**
 * The connections of a channel and its open calls.
 *
 * @module
 */

import { bytesCodec } from "../codec/bytes.ts";
import type { MethodKind } from "../call/method.ts";
import { ChannelAssembly, SYSTEM } from "../rpc/channel/assembly.ts";
import type { CallCore, ClientMethod } from "../rpc/client/call_core.ts";
import type { ChannelState } from "../rpc/pool/options.ts";
import type { CallCredentials } from "./call_credentials.ts";
import type { ChannelCredentials } from "./channel_credentials.ts";
import { type CallOwner, ChannelCall, CLOSED } from "./client_call.ts";
import { Status } from "./constants.ts";
import { IdleTimer } from "./idle_timer.ts";
import { type ChannelOptions, channelOptions, idleTimeoutMs } from "./options.ts";
import { ProcessHold } from "./process_hold.ts";
import { secureOptions } from "./secure_options.ts";
import { addressOf, hasUnknownScheme, serviceUrl, targetText } from "./target.ts";

// Bounds the maps of methods and hosts for callers that generate them.
const MAX_ENTRIES = 4_096;

// Stands for targets with an unknown scheme; it is never dialled.
const UNRESOLVED = "0.0.0.0:1";

function resolutionFailure(target: string): Promise<never> {
  return Promise.reject(new Error(`Name resolution failed for target ${targetText(target)}`));
}

/** What is behind a channel. */
export class ChannelCore implements CallOwner {
  readonly credentials: CallCredentials;
  readonly secure: boolean;
  readonly #assembly: ChannelAssembly;
  /** Methods by path, for each kind. */
  readonly #methods: Readonly<Record<MethodKind, Map<string, ClientMethod>>> = {
    unary: new Map(),
    client_streaming: new Map(),
    server_streaming: new Map(),
    bidi_streaming: new Map(),
  };
  readonly #cores = new Map<string, CallCore>();
  /** Calls that have started and not ended. */
  readonly #calls = new Set<ChannelCall>();
  readonly #watchers = new Set<() => void>();
  readonly #idle: IdleTimer;
  /** Keeps the process alive while there are calls; connections without any let it exit. */
  readonly #hold = new ProcessHold();
  #callNumber = 0;
  #closed = false;

  /** Connects nothing yet. Throws for a target, options or certificates that are not valid. */
  constructor(target: string, credentials: ChannelCredentials, options: ChannelOptions) {
    this.credentials = credentials._callCredentials();
    const unknown = hasUnknownScheme(target);
    const address = unknown ? UNRESOLVED : addressOf(target);
    const security = credentials._security();
    this.secure = security !== undefined;
    this.#assembly = new ChannelAssembly(address, {
      ...channelOptions(options),
      ...(security === undefined ? {} : secureOptions(address, security, options)),
      ...(unknown && { dial: () => resolutionFailure(target) }),
    }, { ...SYSTEM, keepsProcessAlive: false });
    this.#assembly.pool.watch(() => this.#notify());
    this.#idle = new IdleTimer(
      idleTimeoutMs(options),
      () => this.#calls.size > 0,
      () => this.#assembly.pool.toIdle(),
    );
  }

  /** Connectivity state. */
  get state(): ChannelState {
    return this.#closed ? "SHUTDOWN" : this.#assembly.pool.state;
  }

  /** Starts to connect, if the channel is idle. */
  connect(): void {
    if (this.#closed) return;
    this.#assembly.pool.activate();
    this.#idle.used();
  }

  /** Calls `watcher` after each change of the state; returns a function that stops it. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Fails calls without a connection; closes the connections once all others have ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#calls) {
      if (call.connected) continue;
      call.cancelWithStatus(Status.UNAVAILABLE, CLOSED);
    }
    this.#notify();
    this.#closeWhenUnused();
  }

  #closeWhenUnused(): void {
    if (!this.#closed || this.#calls.size > 0) return;
    this.#idle.stop();
    this.#hold.stop();
    this.#assembly.close();
  }

  /** Makes a call that ends at `limitMs` since 1970. */
  call(path: string, kind: MethodKind, limitMs: number, host: string | undefined): ChannelCall {
    return new ChannelCall(this, {
      method: this.#method(path, kind),
      deadlineMs: limitMs,
      host,
      number: this.#callNumber++,
    });
  }

  #method(path: string, kind: MethodKind): ClientMethod {
    const methods = this.#methods[kind];
    let method = methods.get(path);
    if (method === undefined) {
      const info = { path, kind, requestCodec: bytesCodec, responseCodec: bytesCodec };
      method = this.#assembly.method(info);
      if (methods.size >= MAX_ENTRIES) methods.clear();
      methods.set(path, method);
    }
    return method;
  }

  coreFor(host: string | undefined): CallCore {
    if (host === undefined) return this.#assembly.core;
    let core = this.#cores.get(host);
    if (core === undefined) {
      core = this.#assembly.coreWithAuthority(host);
      if (this.#cores.size >= MAX_ENTRIES) this.#cores.clear();
      this.#cores.set(host, core);
    }
    return core;
  }

  serviceUrl(host: string | undefined, path: string): string {
    return serviceUrl(host ?? this.#assembly.target.authority, path);
  }

  callStarted(call: ChannelCall): boolean {
    if (this.#closed) return false;
    if (this.#calls.size === 0) this.#hold.begin();
    this.#calls.add(call);
    return true;
  }

  callEnded(call: ChannelCall): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    this.#hold.end();
    this.#idle.used();
    this.#closeWhenUnused();
  }
}
