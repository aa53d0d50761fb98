/**
 * Target whose calls are flows: each slot is a user.
 *
 * @module
 */

import type { DescMethod } from "@bufbuild/protobuf";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";
import type { Reply } from "../measure/reply.ts";
import { parseDurationMs } from "../measure/units.ts";
import { callOptions, exchange, type RawChannel, sizeOf } from "./channel_target.ts";
import type { FlowMethod, FlowMethods } from "./flow_methods.ts";
import { Random } from "./random.ts";
import type { Flow, FlowCallOptions, User } from "./scenario.ts";
import type { FlowControl, FlowSink, Target } from "./target.ts";
import type { CallNumber, MetadataEntry } from "./variables.ts";

/** Options of {@link flowTarget}. */
export interface FlowTargetOptions {
  /** Connections, which users share. */
  readonly channels: readonly RawChannel[];
  /** Users of this worker. */
  readonly users: number;
  /** What they do. */
  readonly flow: Flow;
  /** Finds methods. */
  readonly methods: FlowMethods;
  /** Metadata of each call. */
  readonly metadata?: readonly MetadataEntry[];
  /** Deadline of each call in ms; undefined for none. */
  readonly timeoutMs?: number;
  /** Seed of thinking times. */
  readonly seed: number;
  /** Number of this worker, from 0. */
  readonly worker: number;
  /** Number of workers. */
  readonly workers: number;
  /** Factor of all thinking times. Default 1. */
  readonly pace?: number;
}

const DONE: Reply = { byteLength: 0 };
const CUT_OFF: Reply = { byteLength: 0, cutOff: true };
// Streams of random numbers below are those of payloads, arrival times and rows.
const USER_STREAM = 1 << 24;
/** Time after a flow without a call: a flow that never waits would stop the thread. */
const PAUSE_MS = 10;

/** What users share. */
interface Crowd {
  readonly options: FlowTargetOptions;
  readonly optionsOf: ReturnType<typeof callOptions>;
  sink: FlowSink;
  calls: number;
  isOver: boolean;
}

/** Creates the target. */
export function flowTarget(options: FlowTargetOptions): Target & { readonly flow: FlowControl } {
  const optionsOf = callOptions(options);
  const crowd: Crowd = { options, optionsOf, sink: NO_SINK, calls: 0, isOver: false };
  const users: FlowUser[] = [];
  return {
    slots: options.users,
    sentBytes: () => 0,
    call: (slot) => (users[slot] ??= new FlowUser(crowd, slot)).run(),
    unreachable: (slot) => isUnreachable(channelOf(options, slot)),
    flow: {
      report: (sink) => void (crowd.sink = sink),
      stop() {
        crowd.isOver = true;
        for (const user of users) user?.cutOffThought();
      },
    },
  };
}

const NO_SINK: FlowSink = {
  begin: () => ({ sentMs: 0, lateMs: 0 }),
  end() {},
  check() {},
};

function channelOf({ channels }: FlowTargetOptions, slot: number): RawChannel {
  return channels[slot % channels.length];
}

function isUnreachable({ state }: RawChannel): boolean {
  return state === "TRANSIENT_FAILURE";
}

class FlowUser implements User {
  readonly id: number;
  readonly state: Record<string, unknown> = {};
  iteration = -1;
  readonly #crowd: Crowd;
  readonly #slot: number;
  readonly #random: Random;
  #callsOfFlow = 0;
  #cutOff = () => {};
  #thought: ReturnType<typeof setTimeout> | undefined;

  constructor(crowd: Crowd, slot: number) {
    const { seed, worker, workers } = crowd.options;
    this.#crowd = crowd;
    this.#slot = slot;
    this.id = slot * workers + worker;
    this.#random = new Random(seed, USER_STREAM + this.id);
  }

  /** Goes through the flow once. */
  run(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#cutOff = () => resolve(CUT_OFF);
      this.#flow().then(() => resolve(DONE), reject);
    });
  }

  /** Ends the flow if the user thinks. */
  cutOffThought(): void {
    if (this.#thought === undefined) return;
    clearTimeout(this.#thought);
    this.#thought = undefined;
    this.#cutOff();
  }

  // The overloads are those of the interface.
  // deno-lint-ignore no-explicit-any -- JSON of a type that is known at run time only
  async call(method: string | DescMethod, request?: any, options?: FlowCallOptions): Promise<any> {
    await this.#untilOver();
    const { methods } = this.#crowd.options;
    const found = methods.known(method) ?? await methods.find(method);
    const messages = found.encode(request);
    const settings = this.#settingsOf(options);
    const isFirst = this.#callsOfFlow++ === 0;
    const begun = this.#crowd.sink.begin(this.#slot, isFirst);
    const end = (outcome: Reply | RpcError, unreachable = false) =>
      this.#crowd.sink.end(begun, found.path.slice(1), sizeOf(messages), outcome, unreachable);
    const channel = channelOf(this.#crowd.options, this.#slot);
    let replies: Uint8Array[];
    try {
      replies = await exchange(channel, found, messages, settings);
    } catch (error) {
      const failure = RpcError.from(error);
      end(failure, failure.code === Status.UNAVAILABLE && isUnreachable(channel));
      await this.#untilOver();
      throw failure;
    }
    end({ byteLength: sizeOf(replies), messages: replies.length });
    await this.#untilOver();
    return found.decode(replies);
  }

  check(name: string, passed: boolean): boolean {
    this.#crowd.sink.check(name, passed);
    return passed;
  }

  async think(atLeast: string, atMost = atLeast): Promise<void> {
    const [least, most] = [atLeast, atMost].map((text) => {
      const ms = parseDurationMs(text);
      if (ms === undefined) throw new TypeError(`Cannot think for ${text}: use a time such as 2s`);
      return ms;
    });
    if (most < least) throw new TypeError(`Cannot think for ${atLeast} to ${atMost}`);
    await this.#untilOver();
    await this.#wait((least + (most - least) * this.random()) * (this.#crowd.options.pace ?? 1));
  }

  random(): number {
    return this.#random.fraction();
  }

  async #flow(): Promise<void> {
    this.iteration++;
    this.#callsOfFlow = 0;
    try {
      await this.#crowd.options.flow(this);
    } finally {
      if (this.#callsOfFlow === 0) await this.#wait(PAUSE_MS);
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#thought = setTimeout(() => {
        this.#thought = undefined;
        resolve();
      }, ms);
    });
  }

  /** At the end of the run the flow is cut off, and what it waits for never comes. */
  #untilOver(): Promise<void> | undefined {
    if (!this.#crowd.isOver) return undefined;
    this.#cutOff();
    return new Promise(() => {});
  }

  #settingsOf({ headers, timeout }: FlowCallOptions = {}) {
    const { worker, workers } = this.#crowd.options;
    const number: CallNumber = { sequence: this.#crowd.calls++, worker, workers };
    const all = this.#crowd.optionsOf(number);
    const timeoutMs = timeout === undefined ? all?.timeoutMs : parseDurationMs(timeout);
    if (timeout !== undefined && !timeoutMs) {
      throw new TypeError(`Cannot use the deadline ${timeout}: use a time such as 2s`);
    }
    if (headers === undefined) return { ...all, timeoutMs };
    const metadata = new Metadata();
    for (const [key, value] of all?.metadata ?? []) metadata.append(key, value);
    for (const [key, value] of Object.entries(headers)) metadata.append(key, value);
    return { metadata, timeoutMs };
  }
}

/** Methods of a flow, encoded and decoded. */
export type { FlowMethod };
