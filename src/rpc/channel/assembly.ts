/**
 * Assembles a channel: pool, call policies, batching and statistics from its options.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { ATTESTED_TLS } from "../../transport/tls_options.ts";
import { attestServer } from "../attestation/client_exchange.ts";
import type { ConnectionOptions } from "../pool/connection.ts";
import { frozenCodec } from "../../codec/frozen_codec.ts";
import type { MessageFormat } from "../../codec/message_format.ts";
import { printable } from "../../call/printable.ts";
import type { CallCore, CallStarter, ClientMethod } from "../client/call_core.ts";
import { Backoff } from "../pool/backoff.ts";
import { Batcher } from "../batch/batcher.ts";
import type { BatchContext } from "../batch/client_stream.ts";
import type { BatchOptions } from "../batch/options.ts";
import {
  type ChannelOptions,
  type ChannelStats,
  checkChannelOptions,
  CONNECT_TIMEOUT_MS,
  DEFAULT_POOL_SIZE,
  HTTP1_POOL_SIZE,
  IDLE_TIMEOUT_MS,
  MAX_QUEUED_CALLS,
  RESOLVE_INTERVAL_MS,
} from "./options.ts";
import { MAX_RECEIVE_MESSAGE_BYTES } from "../../limits/connection_limits.ts";
import { MemoryPool } from "../../limits/memory_pool.ts";
import { checkPoolSize, type PoolSize } from "../pool/options.ts";
import type { CallMiddleware } from "../client/interceptors.ts";
import { ClientEngineFactory } from "./engine_factory.ts";
import { type ChannelEntry, currentInventory } from "../core/inventory.ts";
import { systemClock } from "../core/system_clock.ts";
import { DeadlineQueue } from "../core/deadline_queue.ts";
import { encodingsOf } from "../core/encodings_option.ts";
import { guardedBalancerObserver } from "../core/balancer_observer.ts";
import { FailureLog } from "../core/failure_log.ts";
import { HealthChecker } from "../pool/health_check.ts";
import { HedgingStrategy } from "../client/hedging.ts";
import { clientLog } from "../core/log.ts";
import { Pool } from "../pool/pool.ts";
import { ProcessRef } from "../pool/process_ref.ts";
import { ReplayableCall } from "../client/replayable_call.ts";
import { type PolicyContext, RetryStrategy, RetryThrottle } from "../client/retry.ts";
import {
  type MethodConfig,
  type ParsedServiceConfig,
  parseServiceConfig,
} from "../resolver/service_config.ts";
import { Subchannel } from "../pool/subchannel.ts";
import { ConfiguredCall, type StrategyFactory } from "../client/configured_call.ts";
import { ResolvedConfig } from "../client/resolved_config.ts";
import type { UpdateReader } from "../pool/subchannel_set.ts";
import { makeSource } from "./address_source.ts";
import { knownChannel, renewOnChange } from "./pool_links.ts";
import { makeTarget, type Target } from "./target.ts";
import { plainTarget } from "./url_target.ts";
import type { MethodInfo } from "../core/types.ts";

/** The runtime of a channel, which tests replace to run in virtual time. */
export interface ChannelRuntime {
  /** Time and timers. */
  readonly clock: Clock;
  /** Returns numbers from 0 to below 1. */
  readonly random: () => number;
  /** Whether open connections keep the process alive. Default true. */
  readonly keepsProcessAlive?: boolean;
}

/** The runtime of the channels of applications. */
export const SYSTEM: ChannelRuntime = { clock: systemClock, random: Math.random };

/** The parts of a channel. */
export class ChannelAssembly {
  readonly target: Target;
  readonly pool: Pool;
  readonly core: CallCore;
  readonly middleware: CallMiddleware;
  /** Receives failures of the application's hooks. */
  readonly failures: FailureLog;
  readonly #options: ChannelOptions;
  readonly #pathPrefix: string;
  readonly #config: ParsedServiceConfig;
  readonly #deadlines: DeadlineQueue;
  readonly #health: HealthChecker | undefined;
  readonly #policy: PolicyContext & { throttle: RetryThrottle | undefined };
  /** Config from the resolver, if the target has one. */
  readonly #resolved: ResolvedConfig<ClientMethod> | undefined;
  readonly #unwatch: (() => void) | undefined;
  /** The channel in the inventory of the process, if there is one. */
  readonly #entry: ChannelEntry | undefined;
  #batcher: Batcher | undefined = undefined;
  #retries = 0;
  #closing: Promise<void> | undefined = undefined;

  constructor(target: string | readonly string[], given: ChannelOptions, runtime = SYSTEM) {
    checkChannelOptions(given);
    const { addresses, options, pathPrefix } = plainTarget(target, withAttestedTls(given));
    this.#pathPrefix = pathPrefix;
    const { clock, random } = runtime;
    this.#options = options;
    this.failures = new FailureLog(clientLog, options.printFailures ?? true);
    this.#config = parseServiceConfig(options.serviceConfig ?? {});
    this.target = makeTarget(addresses, options, this.#config.balancer, this.failures, random);
    this.#deadlines = new DeadlineQueue(clock, (error) => {
      this.failures.error("A deadline failed: {error}", { error });
    });
    this.#health = options.healthCheck === undefined ? undefined : new HealthChecker(
      options.healthCheck,
      clock,
      options.wire === "lean",
      () => this.pool.healthChanged(),
      this.format === "json",
    );
    this.#policy = {
      throttle: throttleOf(this.#config, undefined),
      onExtraAttempt: () => this.#retries++,
    };
    const { watched, configName } = this.target;
    this.#resolved = watched ?? configName ? this.#makeResolvedConfig() : undefined;
    this.pool = this.#makePool(runtime);
    this.#unwatch = renewOnChange(options.tls, this.pool);
    this.#entry = currentInventory()?.addChannel(knownChannel(this.target.text, this.pool));
    const core = {
      target: this.target.text,
      failures: this.failures,
      pool: this.pool,
      clock,
      deadlines: this.#deadlines,
      random,
      processRef: new ProcessRef(),
      compress: options.compress ?? false,
      encoding: options.wire === "lean" ? "gzip" : encodingsOf(options.encodings)[0],
      memory: new MemoryPool(options.limits?.maxBufferedBytes),
      authority: undefined,
      resolvedConfig: this.#resolved,
    };
    this.core = {
      ...core,
      starter: makeStarter(() => this.core, this.#policy),
      batcher: options.batch ? this.#makeBatcher(options.batch, core) : undefined,
    };
    this.middleware = {
      interceptors: options.interceptors ?? [],
      credentials: options.credentials,
      allowInsecureCredentials: options.allowInsecureCredentials ?? false,
      secure: options.tls !== undefined,
      authority: this.target.authority,
    };
  }

  /** Format of the messages of typed clients. */
  get format(): MessageFormat {
    return this.#options.codec ?? "proto";
  }

  /** Whether the wire is lean. */
  get lean(): boolean {
    return this.#options.wire === "lean";
  }

  /** Returns a method with its settings. Throws TypeError for a path that is not valid on the wire. */
  method(info: MethodInfo): ClientMethod {
    if (!this.lean && !info.path.startsWith("/")) {
      throw new TypeError(
        `Cannot call ${
          JSON.stringify(info.path)
        }: a path must begin with a slash, such as "/package.Service/Method"`,
      );
    }
    // The resolver's config, which may change, applies later.
    const config = this.#resolved === undefined ? this.#config.forMethod(info.path) : undefined;
    return this.#withSettings(info, config);
  }

  /** Returns a method with settings, which apply within the channel's options. */
  #withSettings(info: MethodInfo, config: MethodConfig | undefined): ClientMethod {
    const options = this.#options;
    // All calls of the method share it, and interceptors get it.
    return Object.freeze({
      ...info,
      requestCodec: frozenCodec(info.requestCodec),
      responseCodec: frozenCodec(info.responseCodec),
      config,
      maxReceiveBytes: Math.min(
        options.maxReceiveMessageBytes ?? MAX_RECEIVE_MESSAGE_BYTES,
        config?.maxResponseBytes ?? Infinity,
      ),
      maxSendBytes: Math.min(
        options.maxSendMessageBytes ?? Infinity,
        config?.maxRequestBytes ?? Infinity,
      ),
      waitForReady: config?.waitForReady ?? options.waitForReady ?? false,
      timeoutMs: Math.min(options.timeoutMs ?? Infinity, config?.timeoutMs ?? Infinity),
      hasPolicy: config?.retry !== undefined || config?.hedging !== undefined,
    });
  }

  /** Returns the state shared by calls whose `:authority` is not the channel's. Their calls are not batched. */
  coreWithAuthority(authority: string): CallCore {
    const core: CallCore = {
      ...this.core,
      authority,
      batcher: undefined,
      starter: makeStarter(() => core, this.#policy),
    };
    return core;
  }

  /** Sets the size of the pool. Throws RangeError if it is out of range. */
  resize(size: PoolSize): void {
    const { min, max } = checkPoolSize(size);
    this.pool.resize(min, max);
  }

  /** Returns statistics. */
  stats(): ChannelStats {
    const { addresses, connections } = this.pool.stats();
    return {
      state: this.pool.state,
      queuedCalls: this.pool.queued,
      activeCalls: connections.reduce((sum, one) => sum + one.activeCalls, 0),
      callsStarted: this.pool.callsStarted,
      retries: this.#retries,
      batchedCalls: this.#batcher?.calls ?? 0,
      addresses,
      connections,
    };
  }

  /** Closes all connections and stops all timers. Idempotent. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#health?.close();
    this.#unwatch?.();
    await this.pool.close();
    this.#entry?.closed();
    this.#deadlines.close();
  }

  #makeBatcher(options: BatchOptions | true, core: BatchContext["core"]): Batcher {
    return this.#batcher = new Batcher(options === true ? {} : options, {
      core,
      maxReplyBytes: this.#options.maxReceiveMessageBytes ?? MAX_RECEIVE_MESSAGE_BYTES,
      maxQueuedCalls: this.#options.maxQueuedCalls ?? MAX_QUEUED_CALLS,
      target: this.target.text,
      log,
    });
  }

  #makePool({ clock, random, keepsProcessAlive = true }: ChannelRuntime): Pool {
    const options = this.#options;
    const { min, max, shrinkAfterMs } = checkPoolSize(
      options.poolSize ??
        (options.httpVersion === "1.1" ? HTTP1_POOL_SIZE : DEFAULT_POOL_SIZE),
    );
    // Throws for options out of range, before the first dial.
    new Backoff(options, random);
    const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const balancerObserver = guardedBalancerObserver(options.observer?.balancer, this.failures);
    return new Pool({
      target: this.target.text,
      source: (callbacks) =>
        makeSource(this.target, callbacks, {
          clock,
          random,
          log,
          failures: this.failures,
          timeoutMs: connectTimeoutMs,
          minIntervalMs: options.minResolveIntervalMs ?? RESOLVE_INTERVAL_MS,
        }),
      config: this.#resolved ?? this.#ownConfig(),
      subchannel: ({ address }, hooks) => {
        const authority = this.target.authorityOf(address);
        const engines = new ClientEngineFactory(options, authority, this.#pathPrefix);
        return new Subchannel({
          ...hooks,
          clock,
          observer: balancerObserver,
          backoff: new Backoff(options, random),
          entry: this.#entry,
          connection: {
            address,
            dial: (signal) => this.target.dial(address, signal),
            keepsProcessAlive,
            attest: attestOf(options, clock),
            engine: (sink, stream, nowMs) => engines.make(sink, stream, nowMs),
            onTooManyPings: () => engines.doubleKeepaliveTime(),
            connectTimeoutMs,
            clock,
            log,
            failures: this.failures,
            observer: options.observer,
          },
        });
      },
      min,
      max,
      shrinkAfterMs,
      idleTimeoutMs: options.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
      maxQueuedCalls: options.maxQueuedCalls ?? MAX_QUEUED_CALLS,
      clock,
      random,
      observer: balancerObserver,
      onConnected: (connection) => this.#health?.watch(connection),
      log,
    });
  }

  #makeResolvedConfig(): ResolvedConfig<ClientMethod> {
    return new ResolvedConfig({
      fallback: this.#config,
      balancer: this.target.balancer,
      configure: (method, config) => this.#withSettings(method, config),
      onConfig: (config) => this.#policy.throttle = throttleOf(config, this.#policy.throttle),
      log: (level, message) => {
        const text = `${this.target.text}: ${message}`;
        clientLog[level]("{message}", { message: printable(text) });
      },
    });
  }

  /** The channel's own service config, for all updates. */
  #ownConfig(): UpdateReader {
    return { read: () => this.target.balancer, apply() {}, clear() {} };
  }
}

/** Returns the throttle for a config: the one in use if its limits are the same, so that updates do not fill it. */
function throttleOf(
  { throttling }: ParsedServiceConfig,
  current: RetryThrottle | undefined,
): RetryThrottle | undefined {
  if (throttling === undefined) return undefined;
  return current?.hasLimits(throttling) ? current : new RetryThrottle(throttling);
}

function log(level: "debug" | "warn", message: string): void {
  clientLog[level]("{message}", { message: printable(message) });
}

/** Adds TLS whose key the server's document proves, unless there is TLS with certificates, or none was asked for. */
function withAttestedTls(options: ChannelOptions): ChannelOptions {
  if (options.attest?.channel !== "tls" || options.tls !== undefined) return options;
  return { ...options, tls: ATTESTED_TLS };
}

function attestOf(options: ChannelOptions, clock: Clock): ConnectionOptions["attest"] {
  const { attest: policy, attestation: attester } = options;
  if (policy === undefined) return undefined;
  const wire = options.wire === "lean" ? "lean" : "grpc";
  return (connection) => attestServer(connection, { policy, attester, wire, clock });
}

function makeStarter(coreOf: () => CallCore, policy: PolicyContext): CallStarter {
  const strategyOf: StrategyFactory = (call, config) => {
    if (config?.retry !== undefined) return new RetryStrategy(call, config.retry, policy);
    if (config?.hedging !== undefined) return new HedgingStrategy(call, config.hedging, policy);
    return undefined;
  };
  return {
    start(request, sink) {
      const core = coreOf();
      const call = new ReplayableCall(core, request, sink);
      const { resolvedConfig } = core;
      if (resolvedConfig === undefined || resolvedConfig.isPlain(request.method.path)) {
        return call.begin(strategyOf(call, request.method.config));
      }
      return call.begin(new ConfiguredCall(call, resolvedConfig, strategyOf));
    },
  };
}
