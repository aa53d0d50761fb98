/**
 * Calls of a channel whose resolver has a service config or a config selector (gRPC A31): each waits for the first
 * config, gets its settings, and goes on by their policy.
 *
 * @module
 */

import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { textOf } from "../../errors.ts";
import {
  type Attributes,
  controlPlaneFailure,
  type PickedCall,
  PickFailure,
} from "../balancer/types.ts";
import type { DeadlineHandle } from "../core/deadline_queue.ts";
import type { PickWaiter } from "../pool/pick_queue.ts";
import type { CallConfig, ConfigSelector } from "../resolver/types.ts";
import type { MethodConfig } from "../resolver/service_config.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";
import type { ClientMethod, OutgoingRequest } from "./call_core.ts";
import type { AttemptStrategy, ReplayableCall } from "./replayable_call.ts";
import type { ConfigWaiter, ResolvedConfig } from "./resolved_config.ts";

/** Returns the strategy that a method's settings ask for; undefined for neither retries nor hedging. */
export type StrategyFactory = (
  call: ReplayableCall,
  settings: MethodConfig | undefined,
) => AttemptStrategy | undefined;

const NO_CONFIG: CallConfig = {};

/** Configures one call, before its first attempt. */
export class ConfiguredCall implements AttemptStrategy, PickWaiter, ConfigWaiter {
  queueSlot = -1;
  readonly #call: ReplayableCall;
  readonly #configs: ResolvedConfig<ClientMethod>;
  readonly #strategyOf: StrategyFactory;
  #config: CallConfig = NO_CONFIG;
  #inner: AttemptStrategy | undefined = undefined;
  #committed = false;
  /** Timer of the config's delay. */
  #timer: unknown = undefined;
  /** Deadline of the config, if it is earlier than that of the call. */
  #deadline: DeadlineHandle | undefined = undefined;

  constructor(
    call: ReplayableCall,
    configs: ResolvedConfig<ClientMethod>,
    strategyOf: StrategyFactory,
  ) {
    this.#call = call;
    this.#configs = configs;
    this.#strategyOf = strategyOf;
  }

  begin(): void {
    if (this.#configs.known) return this.#configure();
    // Waits among the calls that wait for a connection: the same limits apply.
    this.#configs.wait(this);
    const { pool } = this.#call.core;
    pool.tryPick(this);
    pool.enqueue(this);
  }

  // ---- while it waits for the first config ---------------------------------------------------------------

  get path(): string {
    return this.#call.request.method.path;
  }

  get metadata(): Metadata | undefined {
    return this.#call.request.metadata;
  }

  get waitForReady(): boolean {
    return this.#call.request.waitForReady;
  }

  // Not reached: there is no picker of a balancer before the first config.
  onPick(): void {
    this.#configs.leave(this);
    this.#configure();
  }

  onPickFailed(code: Status, message: string): void {
    this.#configs.leave(this);
    this.#fail(new PickFailure(code, message));
  }

  onConfig(): void {
    this.#call.core.pool.dequeue(this);
    if (!this.#call.ended && !this.#call.endIfExpired()) this.#configure();
  }

  // ---- settings ------------------------------------------------------------------------------------------

  #configure(): void {
    const { selector } = this.#configs;
    const { request } = this.#call;
    let settings: MethodConfig | undefined;
    if (selector === undefined) {
      settings = this.#configs.settingsOf(request.method.path);
    } else {
      const chosen = select(selector, { path: request.method.path, metadata: request.metadata });
      if (chosen instanceof PickFailure) return this.#fail(controlPlaneFailure(chosen));
      this.#config = chosen;
      settings = chosen.settings;
    }
    const method = this.#configs.configured(request.method, settings);
    const { attributes, delayMs = 0 } = this.#config;
    if (!this.#call.reconfigure(this.#requestOf(method, attributes))) return;
    if (delayMs > 0) this.#delay(delayMs, settings);
    else this.#start(settings);
  }

  #requestOf(method: ClientMethod, attributes: Attributes | undefined): OutgoingRequest {
    const { request, core } = this.#call;
    const { encoding, metadata, singleResponse, requestStreams, waitForReadyOption } = request;
    const { attemptListener } = request;
    const nowMs = method.timeoutMs === Infinity ? 0 : core.clock.now();
    const deadlineMs = Math.min(request.deadlineMs, nowMs + method.timeoutMs);
    if (deadlineMs < request.deadlineMs) {
      this.#deadline = core.deadlines.add(deadlineMs, () => this.#call.endIfExpired(), nowMs);
    }
    const waitForReady = waitForReadyOption ?? method.waitForReady;
    return {
      method,
      metadata,
      deadlineMs,
      encoding,
      waitForReady,
      singleResponse,
      requestStreams,
      attributes,
      attemptListener,
    };
  }

  #delay(delayMs: number, settings: MethodConfig | undefined): void {
    const { clock, processRef } = this.#call.core;
    processRef.acquire();
    this.#timer = clock.setTimer(() => {
      this.#clearTimer();
      this.#start(settings);
    }, delayMs);
  }

  #start(settings: MethodConfig | undefined): void {
    const { failure } = this.#config;
    if (failure !== undefined) return this.#fail(failure);
    this.#inner = this.#strategyOf(this.#call, settings);
    if (this.#inner === undefined) this.#call.startAttempt("first");
    else this.#inner.begin();
  }

  #fail({ code, message }: { readonly code: Status; readonly message: string }): void {
    const none = new Metadata();
    this.#call.endWith({ code, message, trailers: () => none, progress: "processed" });
  }

  #clearTimer(): void {
    if (this.#timer === undefined) return;
    const { clock, processRef } = this.#call.core;
    clock.clearTimer(this.#timer);
    this.#timer = undefined;
    processRef.release();
  }

  // ---- AttemptStrategy -----------------------------------------------------------------------------------

  metadataFor(attempt: Attempt): Metadata | undefined {
    return this.#inner === undefined ? this.metadata : this.#inner.metadataFor(attempt);
  }

  afterAttempt(attempt: Attempt, end: AttemptEnd): void {
    if (this.#inner === undefined) this.#call.conclude(attempt, end);
    else this.#inner.afterAttempt(attempt, end);
  }

  onCommitted(): void {
    this.#inner?.onCommitted();
    this.#commit();
  }

  onFinished(end: AttemptEnd | undefined): void {
    this.#inner?.onFinished(end);
    const { deadlines, pool, failures } = this.#call.core;
    this.#configs.leave(this);
    if (this.queueSlot >= 0) pool.dequeue(this);
    this.#clearTimer();
    if (this.#deadline !== undefined) deadlines.cancel(this.#deadline);
    this.#commit();
    const config = this.#config;
    if (config.onEnded === undefined) return;
    const code = end?.code ?? Status.CANCELLED;
    failures.invoke("onEnded of a config selector", (value) => config.onEnded!(value), code);
  }

  #commit(): void {
    if (this.#committed) return;
    this.#committed = true;
    const config = this.#config;
    if (config.onCommitted === undefined) return;
    const { failures } = this.#call.core;
    failures.invoke("onCommitted of a config selector", () => config.onCommitted!(), undefined);
  }
}

function select(
  selector: ConfigSelector,
  call: PickedCall,
): CallConfig | PickFailure {
  try {
    return selector.select(call) ?? NO_CONFIG;
  } catch (error) {
    return new PickFailure(Status.INTERNAL, `The config selector failed: ${textOf(error)}`);
  }
}
