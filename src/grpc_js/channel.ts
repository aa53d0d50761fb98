/**
 * Channels with the interface of grpc-js.
 *
 * @module
 */

import type { MethodKind } from "../call/method.ts";
import { ChannelCore } from "./channel_core.ts";
import { ChannelCredentials } from "./channel_credentials.ts";
import type { Call, ParentCall } from "./call_interface.ts";
import { ConnectivityState, Propagate } from "./constants.ts";
import { type Deadline, deadlineMs } from "./deadline.ts";
import type { ChannelOptions } from "./options.ts";
import { targetText } from "./target.ts";

/** Connections to a target, as grpc-js has them. */
export interface ChannelInterface {
  /** Closes the connections once open calls have ended; calls cannot be made any more. */
  close(): void;
  /** Returns the target with its scheme. */
  getTarget(): string;
  /** Returns the connectivity state; starts to connect if the channel is idle and `tryToConnect` is true. */
  getConnectivityState(tryToConnect: boolean): ConnectivityState;
  /**
   * Calls `callback` once when the state is no longer `currentState`, with an error if `deadline` passes before. Throws
   * on a closed channel.
   */
  watchConnectivityState(
    currentState: ConnectivityState,
    deadline: Deadline,
    callback: (error?: Error) => void,
  ): void;
  /** Makes a call. Throws on a closed channel. */
  createCall(
    method: string,
    deadline: Deadline,
    host: string | null | undefined,
    parentCall: ParentCall | null,
    propagateFlags: number | null | undefined,
    kind?: MethodKind,
  ): Call;
}

/** Longest delay of a timer, in ms. */
const MAX_TIMER_MS = 0x7fffffff;

/** Channel to a target. It connects at its first call. */
export class Channel implements ChannelInterface {
  readonly #target: string;
  readonly #core: ChannelCore;

  /** Makes an idle channel. Throws for arguments that are not valid. */
  constructor(target: string, credentials: ChannelCredentials, options: ChannelOptions) {
    if (typeof target !== "string") throw new TypeError("Channel target must be a string");
    if (!(credentials instanceof ChannelCredentials)) {
      throw new TypeError("Channel credentials must be a ChannelCredentials object");
    }
    if (options && typeof options !== "object") {
      throw new TypeError("Channel options must be an object");
    }
    if (target === "") throw new Error(`Could not parse target name "${target}"`);
    this.#target = targetText(target);
    this.#core = new ChannelCore(target, credentials, options ?? {});
  }

  /** Closes the connections once open calls have ended; calls cannot be made any more. */
  close(): void {
    this.#core.close();
  }

  /** Returns the target with its scheme. */
  getTarget(): string {
    return this.#target;
  }

  /** Returns the connectivity state; starts to connect if the channel is idle and `tryToConnect` is true. */
  getConnectivityState(tryToConnect: boolean): ConnectivityState {
    const state = ConnectivityState[this.#core.state];
    if (tryToConnect) this.#core.connect();
    return state;
  }

  /** Calls `callback` once when the state is no longer `currentState`, with an error if `deadline` passes before. */
  watchConnectivityState(
    currentState: ConnectivityState,
    deadline: Deadline,
    callback: (error?: Error) => void,
  ): void {
    this.#checkOpen();
    const remainingMs = deadlineMs(deadline) - Date.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (error?: Error) => {
      clearTimeout(timer);
      unwatch();
      queueMicrotask(() => callback(error));
    };
    const changed = () => ConnectivityState[this.#core.state] !== currentState;
    const unwatch = this.#core.watch(() => {
      if (changed()) end();
    });
    const passed = () => end(new Error("Deadline passed without connectivity state change"));
    if (changed()) end();
    else if (remainingMs <= 0) passed();
    else if (remainingMs <= MAX_TIMER_MS) timer = setTimeout(passed, remainingMs);
  }

  /** Makes a call. `kind` tells which sides stream; without it both may. Throws on a closed channel. */
  createCall(
    method: string,
    deadline: Deadline,
    host: string | null | undefined,
    parentCall: ParentCall | null,
    propagateFlags: number | null | undefined,
    kind: MethodKind = "bidi_streaming",
  ): Call {
    if (typeof method !== "string") {
      throw new TypeError("Channel#createCall: method must be a string");
    }
    if (!(typeof deadline === "number" || deadline instanceof Date)) {
      throw new TypeError("Channel#createCall: deadline must be a number or Date");
    }
    this.#checkOpen();
    const flags = propagateFlags ?? Propagate.DEFAULTS;
    const inherits = parentCall !== null && flags & Propagate.DEADLINE;
    const limitMs = Math.min(
      deadlineMs(deadline),
      inherits ? deadlineMs(parentCall.getDeadline()) : Infinity,
    );
    const call = this.#core.call(method, kind, limitMs, host ?? undefined);
    if (parentCall !== null && flags & Propagate.CANCELLATION) call.follow(parentCall);
    return call;
  }

  #checkOpen(): void {
    if (this.#core.state === "SHUTDOWN") throw new Error("Channel has been shut down");
  }
}
