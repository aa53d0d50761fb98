/**
 * The subscriptions with one server of the control plane, across streams: reconnects with back-off, and notices resources
 * that do not exist (gRPC A27, A57).
 *
 * @module
 */

import type { Node } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import type { Clock } from "../../call/clock.ts";
import { Backoff } from "../../rpc/pool/backoff.ts";
import type { ResourceKind } from "../resources/kinds.ts";
import type { ResourceContext } from "../resources/listener.ts";
import { AdsState, type ReceivedResources } from "./ads_state.ts";
import type { XdsServer } from "./bootstrap.ts";
import type { AdsChannel, AdsStream, AdsTransport } from "./transport.ts";

/** Time for the first response with a resource, before it counts as missing. */
export const MISSING_AFTER_MS = 15_000;

/** Configuration of a {@link ControlChannel}. */
export interface ControlChannelOptions {
  readonly server: XdsServer;
  readonly node: Node;
  readonly context: ResourceContext;
  readonly transport: AdsTransport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly owner: ControlChannelOwner;
}

/** Receives the events of a {@link ControlChannel}. */
export interface ControlChannelOwner {
  onResources(channel: ControlChannel, received: ReceivedResources): void;
  /** The server has not sent a resource in time. */
  onMissing(channel: ControlChannel, kind: ResourceKind, name: string): void;
  /** A stream has ended before any response. */
  onFailure(channel: ControlChannel, error: Error): void;
}

/** Subscriptions with one server. */
export class ControlChannel {
  readonly server: XdsServer;
  readonly #options: ControlChannelOptions;
  readonly #state: AdsState;
  readonly #backoff: Backoff;
  readonly #channel: AdsChannel;
  /** Timers of resources that were requested, by kind and name; undefined while there is no stream. */
  readonly #awaited = new Map<string, { kind: ResourceKind; name: string; timer: unknown }>();
  #stream: AdsStream | undefined = undefined;
  #heard = false;
  #retry: unknown = undefined;
  #closed = false;
  #sending = false;

  /** Connects at once. */
  constructor(options: ControlChannelOptions) {
    this.#options = options;
    this.server = options.server;
    this.#state = new AdsState(options.node, options.context);
    this.#backoff = new Backoff({}, options.random);
    this.#channel = options.transport(options.server);
    this.#open();
  }

  /** Requests a resource. `known` resources are not awaited. */
  subscribe(kind: ResourceKind, name: string, known: boolean): void {
    this.#state.subscribe(kind, name);
    if (!known) this.#awaited.set(`${kind} ${name}`, { kind, name, timer: undefined });
    this.#send();
  }

  /** Ends the request for a resource. */
  unsubscribe(kind: ResourceKind, name: string): void {
    this.#state.unsubscribe(kind, name);
    this.#arrived(kind, name);
    this.#send();
  }

  /** Closes the connection. */
  close(): void {
    this.#closed = true;
    const { clock } = this.#options;
    if (this.#retry !== undefined) clock.clearTimer(this.#retry);
    this.#stopTimers();
    this.#stream?.close();
    this.#channel.close();
  }

  #open(): void {
    this.#retry = undefined;
    this.#heard = false;
    this.#state.start();
    this.#stream = this.#channel.open({
      onResponse: (response) => {
        this.#heard = true;
        this.#backoff.reset();
        const received = this.#state.receive(response);
        if (received !== undefined) {
          for (const { name } of received.resources) this.#arrived(received.kind, name);
          this.#options.owner.onResources(this, received);
        }
        this.#send();
      },
      onEnd: (error) => this.#ended(error),
    });
    this.#send();
  }

  #ended(error: Error): void {
    if (this.#closed) return;
    this.#stream = undefined;
    this.#state.end();
    this.#stopTimers();
    // A stream with responses has ended as streams do, when servers restart or balance their load (gRPC A57).
    const delayMs = this.#heard ? 0 : this.#backoff.next();
    this.#retry = this.#options.clock.setTimer(() => this.#open(), delayMs);
    if (!this.#heard) this.#options.owner.onFailure(this, error);
  }

  /** Sends in a microtask, so that subscriptions made together share a request. */
  #send(): void {
    if (this.#sending) return;
    this.#sending = true;
    queueMicrotask(() => {
      this.#sending = false;
      if (this.#closed || this.#stream === undefined) return;
      for (const request of this.#state.take()) this.#stream.send(request);
      this.#startTimers();
    });
  }

  #startTimers(): void {
    const { clock, owner } = this.#options;
    for (const awaited of this.#awaited.values()) {
      awaited.timer ??= clock.setTimer(() => {
        this.#awaited.delete(`${awaited.kind} ${awaited.name}`);
        owner.onMissing(this, awaited.kind, awaited.name);
      }, MISSING_AFTER_MS);
    }
  }

  #stopTimers(): void {
    for (const awaited of this.#awaited.values()) {
      if (awaited.timer !== undefined) this.#options.clock.clearTimer(awaited.timer);
      awaited.timer = undefined;
    }
  }

  #arrived(kind: ResourceKind, name: string): void {
    const key = `${kind} ${name}`;
    const awaited = this.#awaited.get(key);
    if (awaited?.timer !== undefined) this.#options.clock.clearTimer(awaited.timer);
    this.#awaited.delete(key);
  }
}
