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
import { type CallOwner, ChannelCall } from "./client_call.ts";
import { Status } from "./constants.ts";
import { IdleTimer } from "./idle_timer.ts";
import { type ChannelOptions, channelOptions, idleTimeoutMs } from "./options.ts";
import { secureOptions } from "./secure_options.ts";
import { addressOf, serviceUrl } from "./target.ts";

// Bounds the maps of methods and hosts for callers that generate them.
const MAX_ENTRIES = 4_096;

/** Call on a server as the calls that follow it use it. */
interface Followed {
  on(event: "cancelled", listener: () => void): unknown;
  removeListener(event: "cancelled", listener: () => void): unknown;
}

/** What is behind a channel. */
export class ChannelCore implements CallOwner {
  readonly credentials: CallCredentials;
  readonly secure: boolean;
  readonly #assembly: ChannelAssembly;
  readonly #methods = new Map<string, ClientMethod>();
  readonly #cores = new Map<string, CallCore>();
  readonly #calls = new Set<ChannelCall>();
  /** Functions that stop calls from following their parents. */
  readonly #unfollow = new Map<ChannelCall, () => void>();
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
    return this.#assembly.pool.watch(watcher);
  }

  /** Fails calls without a connection; closes the connections once all others have ended. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const call of this.#calls) {
      if (call.connected) continue;
      call.cancelWithStatus(Status.UNAVAILABLE, "Channel closed before call started");
    }
    this.#closeWhenUnused();
  }

  #closeWhenUnused(): void {
    if (!this.#closed || this.#calls.size > 0) return;
    this.#idle.stop();
    this.#assembly.close();
  }

  /** Makes a call that ends at `limitMs` since 1970. */
  call(path: string, kind: MethodKind, limitMs: number, host: string | undefined): ChannelCall {
    const call = new ChannelCall(this, {
      method: this.#method(path, kind),
      deadlineMs: limitMs,
      host,
      number: this.#callNumber++,
    });
    this.#calls.add(call);
    return call;
  }

  /** Cancels a call when its parent is. */
  follow(call: ChannelCall, parent: Followed): void {
    const cancel = () => call.cancelWithStatus(Status.CANCELLED, "Cancelled by parent call");
    parent.on("cancelled", cancel);
    this.#unfollow.set(call, () => parent.removeListener("cancelled", cancel));
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

  callEnded(call: ChannelCall): void {
    this.#calls.delete(call);
    if (this.#unfollow.size > 0) {
      this.#unfollow.get(call)?.();
      this.#unfollow.delete(call);
    }
    if (this.#calls.size > 0) return;
    this.#idle.used();
    this.#closeWhenUnused();
  }
}
