/**
 * Contents of scenario files, as `@vrpc/vrpc/scenario` has them.
 *
 * @module
 */

import type {
  DescMessage,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";

/**
 * Method of a scenario without a flow.
 *
 * @category Load tests
 */
export interface ScenarioMethod {
  /** `package.Service/Method`. */
  readonly name: string;
  /** Share of the calls, in proportion to the other weights. Default: 1. */
  readonly weight?: number;
  /** Request, with variables; an object, a list for a stream, or JSON text. */
  readonly data?: unknown;
  /** Path of a data file, relative to the current folder. */
  readonly dataFile?: string;
}

/**
 * Stage of a scenario, with a rate or with users.
 *
 * @category Load tests
 */
export interface ScenarioStage {
  /** Name. Default: `stage1` and so on. */
  readonly name?: string;
  /** Length, such as `30s`. */
  readonly duration: string;
  /** Calls, or flows that begin, per second: constant, or at the beginning and the end. */
  readonly rate?: number | readonly [from: number, to: number];
  /** Users that go through the flow again and again: constant, or at the beginning and the end. */
  readonly users?: number | readonly [from: number, to: number];
  /** Conditions under which the benchmark fails, checked on this stage: `p99>5ms`. */
  readonly failIf?: readonly string[];
}

/**
 * Settings of one call of a flow.
 *
 * @category Load tests
 */
export interface FlowCallOptions {
  /** Metadata, in addition to the scenario's. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Deadline, such as `2s`. Default: `--timeout`. */
  readonly timeout?: string;
}

/**
 * User of a flow. A new flow of the same user begins when the one before has ended.
 *
 * @category Load tests
 */
export interface User {
  /** Number of the user among all, from 0. */
  readonly id: number;
  /** Number of the flow of this user, from 0. */
  readonly iteration: number;
  /** What the user keeps from one flow to the next. */
  readonly state: Record<string, unknown>;
  /**
   * Calls a method of generated code. Streams of requests are lists, and so are streams of replies. Rejects with an RpcError
   * when the call fails; a flow that does not catch it has failed.
   */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: FlowCallOptions,
  ): Promise<MessageShape<O>>;
  /** Calls a method with one request, whose replies are a stream. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options?: FlowCallOptions,
  ): Promise<MessageShape<O>[]>;
  /** Calls a method whose requests are a stream, with one reply. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodClientStreaming<I, O>,
    requests: readonly MessageInitShape<I>[],
    options?: FlowCallOptions,
  ): Promise<MessageShape<O>>;
  /** Calls a method whose requests and replies are streams. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodBiDiStreaming<I, O>,
    requests: readonly MessageInitShape<I>[],
    options?: FlowCallOptions,
  ): Promise<MessageShape<O>[]>;
  /**
   * Calls `package.Service/Method` with JSON, whose types are those of reflection or of `--proto`. The reply is JSON, with
   * default values; numbers of 64 bits are strings.
   */
  // deno-lint-ignore no-explicit-any -- JSON of a type that is known at run time only
  call(method: string, request?: unknown, options?: FlowCallOptions): Promise<any>;
  /** Counts a check, under its name, as passed or failed, and returns which. A flow goes on after a failed check. */
  check(name: string, passed: boolean): boolean;
  /** Pauses the flow as a user's think time: `2s`, or a random time between two. Ends with the run. */
  think(atLeast: string, atMost?: string): Promise<void>;
  /** Returns a random number from 0 (inclusive) to 1 (exclusive), the same ones for the same `--seed`. */
  random(): number;
}

/**
 * What a user does, from the beginning to the end.
 *
 * @category Load tests
 */
export type Flow = (user: User) => unknown;

/**
 * Step of a flow in JSON: a call, with what is checked of its reply and saved for later steps, or a time to think.
 *
 * @category Load tests
 */
export interface FlowStep {
  /** Method to call. */
  readonly call?: string;
  /** Request, with variables: those of `--data`, `{{user}}`, `{{iteration}}` and what was saved. */
  readonly data?: unknown;
  /** Values that members of the reply must have, by their path: `{ "order.status": "OPEN" }`. */
  readonly check?: Readonly<Record<string, unknown>>;
  /** Members of the reply to save as variables: `{ "id": "order.id" }`. */
  readonly save?: Readonly<Record<string, string>>;
  /** Time to think, such as `2s`, or the shortest and the longest. */
  readonly think?: string | readonly [atLeast: string, atMost: string];
}

/**
 * Contents of a scenario file. Flags of the command line take precedence.
 *
 * @category Load tests
 */
export interface Scenario {
  /** Address of the server. */
  readonly server?: string;
  /** Methods to call. */
  readonly methods?: readonly ScenarioMethod[];
  /** What each user does, instead of `methods`; in JSON as steps. */
  readonly flow?: Flow | readonly FlowStep[];
  /** Users at a time; with a rate, the most of them. Default: the connections, or 1,000 with a rate. */
  readonly users?: number;
  /** Connections, which users share. Default: 10. */
  readonly connections?: number;
  /** Calls, or flows that begin, per second. */
  readonly rate?: number;
  /** Time to run, such as `30s`. */
  readonly duration?: string;
  /** Time under load before measuring starts, such as `2s`. */
  readonly warmup?: string;
  /** Deadline of each call, such as `2s`. */
  readonly timeout?: string;
  /** Stages of the rate or of the users. */
  readonly stages?: readonly ScenarioStage[];
  /** Conditions under which the benchmark fails, of the whole run. */
  readonly failIf?: readonly string[];
  /** Metadata of each call, with variables. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Tags of the run. */
  readonly tags?: Readonly<Record<string, string>>;
}

/**
 * Returns a scenario as it is, for its types: the default export of a file for `--scenario`.
 *
 * @category Load tests
 */
export function scenario(contents: Scenario): Scenario {
  return contents;
}
