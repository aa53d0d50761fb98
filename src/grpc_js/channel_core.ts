/**
 * The connections of a channel and its open calls.
 *
 * @module
 */

import { bytesCodec } from "../codec/bytes.ts";
import type { MethodKind } from "../call/method.ts";
import { ChannelAssembly } from "../rpc/channel/assembly.ts";
import type { CallCore, ClientMethod } from "../rpc/client/call_core.ts";
import type { ChannelState } from "../rpc/pool/options.ts";
import type { CallCredentials } from "./call_credentials.ts";
import type { ChannelCredentials } from "./channel_credentials.ts";
import { type CallOwner, ChannelCall, CLOSED } from "./client_call.ts";
import { Status } from "./constants.ts";
import { IdleTimer } from "./idle_timer.ts";
import { type ChannelOptions, channelOptions, idleTimeoutMs } from "./options.ts";
import { secureOptions } from "./secure_options.ts";
import { addressOf, serviceUrl } from "./target.ts";

// Bounds the maps of methods and hosts for callers that generate them.
const MAX_ENTRIES = 4_096;

/** What is behind a channel. */
export class ChannelCore implements CallOwner {
  readonly credentials: CallCredentials;
  readonly secure: boolean;
  readonly #assembly: ChannelAssembly;
  readonly #methods = new Map<string, ClientMethod>();
  readonly #cores = new Map<string, CallCore>();
  /** Calls that have started and not ended. */
  readonly #calls = new Set<ChannelCall>();
  readonly #watchers = new Set<() => void>();
  readonly #idle: IdleTimer;
  #callNumber = 0;
  #closed = false;

  /** Connects nothing yet. Throws for a target, options or certificates that are not valid. */
  constructor(target: string, credentials: ChannelCredentials, options: ChannelOptions) {
    this.credentials = credentials._callCredentials();
    const address = addressOf(target);
    const security = credentials._security();
    this.secure = security !== undefined;
    this.#assembly = new ChannelAssembly(address, {
      ...channelOptions(options),
      ...(security === undefined ? {} : secureOptions(address, security, options)),
    });
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
    const key = `${kind} ${path}`;
    let method = this.#methods.get(key);
    if (method === undefined) {
      const info = { path, kind, requestCodec: bytesCodec, responseCodec: bytesCodec };
      method = this.#assembly.method(info);
      if (this.#methods.size >= MAX_ENTRIES) this.#methods.clear();
      this.#methods.set(key, method);
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
    this.#calls.add(call);
    return true;
  }

  callEnded(call: ChannelCall): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    this.#idle.used();
    this.#closeWhenUnused();
  }
}
