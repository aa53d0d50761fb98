/**
 * Interface of load balancing policies: what a policy gets from a channel, and what it gives to it.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { Metadata } from "../../call/metadata.ts";
import { Status, statusName } from "../../call/status.ts";
import type { BalancerObserver } from "../core/balancer_observer.ts";

/** Attributes of an address or of a resolution, by name. */
export type Attributes = Readonly<Record<string, unknown>>;

/** An address and what its resolver knows of it. */
export interface ResolvedAddress {
  /** The address, in the address grammar. */
  readonly address: string;
  /** Share of the calls in proportion to other addresses, a whole number above 0. Default 1. */
  readonly weight?: number;
  /** What the resolver adds for balancers. Default none. */
  readonly attributes?: Attributes;
}

/** State of one address, or of a balancer (gRPC's doc/connectivity-semantics-and-api.md). */
export type ConnectivityState = "IDLE" | "CONNECTING" | "READY" | "TRANSIENT_FAILURE";

/** A call as a picker sees it. */
export interface PickedCall {
  /** Path of the method, for example `/shop.v1.Orders/Get`. */
  readonly path: string;
  /** Request metadata, which the picker must not change. */
  readonly metadata: Metadata | undefined;
  /** What the resolver's config selector says of the call. Default none. */
  readonly attributes?: Attributes;
}

/**
 * Name of the attribute of calls with the hash that `ring_hash` uses unless it has a `requestHashHeader`: a bigint of 64
 * bits without sign (gRPC A42).
 */
export const REQUEST_HASH = "requestHash";

/** The connections to one address, made by {@link BalancerHost.createSubchannel}. */
export interface BalancerSubchannel {
  /** The address connected to. */
  readonly address: string;
  /** Whether it can start another call now. */
  readonly free: boolean;
  /** Calls in flight. */
  readonly load: number;
  /** Connects, and keeps connecting with back-off until `disconnect` or `close`. No effect if it does already. */
  connect(): void;
  /** Closes the connections once their calls have ended; `connect` opens new ones. */
  disconnect(): void;
  /** Like `disconnect`, for good. The listener gets no more events. */
  close(): void;
  /**
   * Opens a server-streaming call on one of the connections, outside of the statistics; returns a function that cancels it.
   * Throws RangeError unless the subchannel is `free`.
   */
  stream(call: SubchannelStream): () => void;
}

/** A server-streaming call of a balancer on a subchannel. */
export interface SubchannelStream {
  /** Path of the method, for example `/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics`. */
  readonly path: string;
  /** The encoded request. */
  readonly request: Uint8Array;
  /** Receives each message. */
  readonly onMessage: (message: Uint8Array) => void;
  /** Receives the end, unless the call was cancelled. */
  readonly onEnd: (code: Status, message: string) => void;
}

/** Receives the events of a subchannel. */
export interface SubchannelListener {
  /** Called at each change of the state. A failed subchannel stays in TRANSIENT_FAILURE until it is READY (gRPC A62). */
  onState(state: ConnectivityState, error: Error | undefined): void;
  /**
   * Called when a call on the subchannel has ended; batched calls and health checks do not count. `trailers` decodes the
   * trailers on demand: undefined if the call got none.
   */
  onCallEnd?(code: Status, trailers: () => Metadata | undefined): void;
}

/** Result of a pick that ends the call. */
export class PickFailure {
  /** `dropped` fails calls with `waitForReady` too. */
  constructor(
    readonly code: Status,
    readonly message: string,
    readonly dropped = false,
  ) {}
}

/** Codes that only applications may use (gRPC A54). */
const APPLICATION_CODES: ReadonlySet<Status> = new Set([
  ...[Status.INVALID_ARGUMENT, Status.NOT_FOUND, Status.ALREADY_EXISTS, Status.FAILED_PRECONDITION],
  ...[Status.ABORTED, Status.OUT_OF_RANGE, Status.DATA_LOSS],
]);

/** Returns the failure with INTERNAL in place of a code that only applications may use (gRPC A54). */
export function controlPlaneFailure(failure: PickFailure): PickFailure {
  const { code, message, dropped } = failure;
  if (!APPLICATION_CODES.has(code)) return failure;
  const text = `the control plane may not end calls with ${statusName(code)}: ${message}`;
  return new PickFailure(Status.INTERNAL, text, dropped);
}

/** Chooses the subchannel of each call. Called once per attempt: it should not allocate. */
export interface Picker {
  /**
   * Returns the subchannel for a call; undefined queues the call until the next picker, or until a subchannel is `free`
   * again. A call whose subchannel is not `free` is queued as well. Must not throw.
   */
  pick(call: PickedCall): BalancerSubchannel | PickFailure | undefined;
  /** Whether results depend on the call: queued calls are then served out of order. Default false. */
  readonly dependsOnCall?: boolean;
}

/** A picker with one subchannel, which costs nothing per call. */
export class SinglePicker implements Picker {
  /** Sends all calls to `subchannel`. */
  constructor(readonly subchannel: BalancerSubchannel) {}

  pick(): BalancerSubchannel {
    return this.subchannel;
  }
}

/** A picker that queues all calls. */
export const QUEUE_PICKER: Picker = { pick: () => undefined };

/** Returns a picker that fails all calls with UNAVAILABLE; those with `waitForReady` wait. */
export function failingPicker(code: Status, message: string): Picker {
  const failure = new PickFailure(code, message);
  return { pick: () => failure };
}

/** The channel as a balancer sees it. */
export interface BalancerHost {
  /** The channel's target, for error texts. */
  readonly target: string;
  /** Source of time and timers. */
  readonly clock: Clock;
  /** Returns numbers from 0 to below 1. */
  readonly random: () => number;
  /** Makes a subchannel, which does not connect before `connect`. */
  createSubchannel(address: ResolvedAddress, listener: SubchannelListener): BalancerSubchannel;
  /** Sets the state of the balancer and the picker of calls from now on. */
  updateState(state: ConnectivityState, picker: Picker): void;
  /** Asks for a new resolution, which the channel starts within its limits. */
  reresolve(): void;
  /** Receives what happens; undefined if the application does not measure it. */
  readonly observer?: BalancerObserver;
  /** Logs a line with the channel's target. */
  log(level: "debug" | "warn", message: string): void;
}

/** Input of a balancer. */
export interface BalancerUpdate<Config = unknown> {
  /** All addresses, without duplicates; may be empty. */
  readonly addresses: readonly ResolvedAddress[];
  /** The parsed configuration. */
  readonly config: Config;
  /** What the resolver adds for balancers. */
  readonly attributes: Attributes;
}

/** A load balancer of one channel, or of a part of it. */
export interface Balancer<Config = unknown> {
  /** Called first of all, and when addresses or configuration have changed. */
  update(update: BalancerUpdate<Config>): void;
  /** Connects although no call is picked: the application waits for the channel. Default: the balancer connects by itself. */
  exitIdle?(): void;
  /** Closes all subchannels and timers. The host gets no more calls. */
  close(): void;
}

/** A load balancing policy, as {@link registerBalancer} takes it. */
export interface BalancerPolicyDefinition<Config = unknown> {
  /** Name in `loadBalancingConfig`. */
  readonly name: string;
  /** Parses the configuration; throws TypeError if it is not valid. Default: the configuration as it is. */
  parseConfig?(json: unknown): Config;
  /** Makes a balancer, for each channel and again after it was idle. */
  create(host: BalancerHost): Balancer<Config>;
}

/** A policy with its parsed configuration. */
export interface ConfiguredBalancer {
  /** The registered policy. */
  // deno-lint-ignore no-explicit-any
  readonly policy: BalancerPolicyDefinition<any>;
  /** What its `parseConfig` returned. */
  readonly config: unknown;
}
