/**
 * Programs of the simulation: calls, network behaviour, faults. A program is plain data, so that it can be
 * shrunk, printed and kept as a test.
 */

import type { GrpcClientOptions } from "../../../src/grpc/client.ts";
import type { GrpcServerOptions } from "../../../src/grpc/server.ts";
import type { LeanOptions } from "../../../src/lean/options.ts";
import { Random } from "./random.ts";

/** One call and its reply. Times are in ms, sizes in bytes. */
export interface CallPlan {
  readonly atMs: number;
  readonly connection: number;
  readonly path: string;
  /** Whether the request or response is a stream. */
  readonly requestStreams: boolean;
  readonly responseStreams: boolean;
  /** Message sizes. */
  readonly requests: readonly number[];
  readonly responses: readonly number[];
  readonly requestGapMs: number;
  readonly responseGapMs: number;
  /** Event that starts the reply. */
  readonly respondAfter: "call" | "first" | "end";
  readonly status: number;
  readonly statusText: string;
  /** Number of metadata pairs of the request, response headers and trailers. */
  readonly metadata: readonly [number, number, number];
  readonly headersFirst: boolean;
  readonly compressed: boolean;
  /** Time after which the client cancels; -1 for never. */
  readonly cancelAfterMs: number;
  /** Deadline, enforced on both sides; -1 for none. */
  readonly timeoutMs: number;
  /** Pause of the reader after its first message. */
  readonly serverPauseMs: number;
  readonly clientPauseMs: number;
  /** Time that the handler runs on after the end of the call. */
  readonly lingerMs: number;
}

/** A fault of one connection. */
export interface FaultPlan {
  readonly atMs: number;
  readonly connection: number;
  readonly kind:
    | "cut"
    | "clientEnds"
    | "serverEnds"
    | "stall"
    | "jump"
    | "serverDrain"
    | "clientDrain"
    | "serverAbort"
    | "clientAbort"
    | "ping";
  /** Length of a stall or clock jump. */
  readonly durationMs: number;
  /** Direction of a stall. */
  readonly toServer: boolean;
}

/** One connection and its network. */
export interface ConnectionPlan {
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Bytes in flight in one direction before the sender has to wait. */
  readonly capacityBytes: number;
  /** Size of the largest piece that arrives at once; pieces are cut anywhere. */
  readonly pieceBytes: number;
  readonly grpcClient: Partial<GrpcClientOptions>;
  readonly grpcServer: Partial<GrpcServerOptions>;
  readonly leanClient: Partial<LeanOptions>;
  readonly leanServer: Partial<LeanOptions>;
}

/** A run. */
export interface Program {
  readonly wire: "grpc" | "lean";
  /** Seed of piece sizes and delays. */
  readonly networkSeed: number;
  /** Time that each process works per KiB of input, in ms. */
  readonly workMsPerKiB: number;
  readonly connections: readonly ConnectionPlan[];
  readonly calls: readonly CallPlan[];
  readonly faults: readonly FaultPlan[];
  /** How the connections end after all calls. */
  readonly ending: "clientDrain" | "serverDrain" | "clientAbort" | "serverAbort" | "cut";
}

const TEXTS = ["", "not found", "100 % ü\n", "x".repeat(300)];

function size(random: Random): number {
  switch (random.int(0, 9)) {
    case 0:
      return 0;
    case 1:
      return random.int(1, 5);
    case 2:
    case 3:
      return random.int(1_000, 20_000);
    case 4:
      return random.int(16_370, 16_390);
    case 5:
      return random.int(60_000, 200_000);
    default:
      return random.int(6, 300);
  }
}

function sizes(random: Random, streams: boolean): number[] {
  const count = streams ? random.pick([0, 1, 2, 3, 8, 20]) : 1;
  return Array.from({ length: count }, () => size(random));
}

function gap(random: Random): number {
  return random.chance(0.6) ? 0 : random.int(0, 40);
}

function callPlan(random: Random, connections: number): CallPlan {
  const requestStreams = random.chance(0.5);
  const responseStreams = random.chance(0.5);
  const failed = random.chance(0.2);
  const metadata = random.chance(0.7) ? 0 : 1;
  return {
    atMs: random.int(0, 300),
    connection: random.int(0, connections - 1),
    path: random.pick(["/sim.v1.Sim/A", "/sim.v1.Sim/A", "/sim.v1.Sim/Other"]),
    requestStreams,
    responseStreams,
    requests: sizes(random, requestStreams),
    responses: failed ? sizes(random, true).slice(0, 2) : sizes(random, responseStreams),
    requestGapMs: gap(random),
    responseGapMs: gap(random),
    respondAfter: random.pick(["end", "end", "first", "call"]),
    status: failed ? random.int(1, 16) : 0,
    statusText: failed ? random.pick(TEXTS) : "",
    metadata: [
      metadata * random.pick([0, 1, 5]),
      metadata * random.pick([0, 1, 5]),
      metadata * random.pick([0, 1, 5]),
    ],
    headersFirst: random.chance(0.2),
    compressed: random.chance(0.15),
    cancelAfterMs: random.chance(0.15) ? random.int(0, 150) : -1,
    timeoutMs: random.chance(0.3) ? random.pick([1, 20, 100, 5_000]) : -1,
    serverPauseMs: random.chance(0.15) ? random.int(1, 2_000) : 0,
    clientPauseMs: random.chance(0.15) ? random.int(1, 2_000) : 0,
    lingerMs: random.chance(0.2) ? random.int(1, 200) : 0,
  };
}

// Programs ping more often than servers accept by default.
const PINGS = { minPingIntervalMs: 0, permitPingWithoutCalls: true };

function connectionPlan(random: Random): ConnectionPlan {
  const maxReceiveMessageBytes = random.chance(0.1) ? 50_000 : 4_194_304;
  const windows = random.pick([65_535, 65_535, 1_000, 300_000]);
  const callWindowBytes = random.pick([131_072, 65_536, 1_024, 8_000]);
  const outputs = random.chance(0.3) ? { sendBufferBytes: 2_000, maxOutputBytes: 16_000 } : {};
  return {
    delayMs: random.pick([0, 0, 1, 10, 40]),
    jitterMs: random.pick([0, 0, 2, 20]),
    capacityBytes: random.pick([1 << 20, 1 << 20, 65_536, 8_000, 1_000]),
    pieceBytes: random.pick([1 << 20, 1 << 20, 16_384, 1_000, 50]),
    grpcClient: {
      ...outputs,
      initialWindowBytes: random.pick([windows, 65_535, 262_144]),
      headerTableBytes: random.pick([4_096, 4_096, 0, 100, 65_536]),
      maxFrameBytes: random.pick([16_384, 16_384, 65_536]),
      keepaliveTimeMs: random.pick([Infinity, 10_000]),
    },
    grpcServer: {
      ...outputs,
      ...PINGS,
      maxReceiveMessageBytes,
      initialWindowBytes: windows,
      maxConcurrentStreams: random.pick([128, 128, 3, 1]),
      headerTableBytes: random.pick([4_096, 4_096, 0, 100, 65_536]),
      maxFrameBytes: random.pick([16_384, 16_384, 65_536]),
    },
    leanClient: {
      ...outputs,
      callWindowBytes: random.pick([callWindowBytes, 131_072]),
      fragmentBytes: random.pick([32_768, 32_768, 1_000]),
      keepaliveTimeMs: random.pick([Infinity, 10_000]),
    },
    leanServer: {
      ...outputs,
      ...PINGS,
      maxReceiveMessageBytes,
      callWindowBytes,
      fragmentBytes: random.pick([32_768, 32_768, 1_000]),
      maxConcurrentStreams: random.pick([128, 128, 3, 1]),
      maxRoutes: random.pick([64, 64, 1, 0]),
    },
  };
}

const FAULTS: readonly FaultPlan["kind"][] = [
  "cut",
  "clientEnds",
  "serverEnds",
  "stall",
  "stall",
  "jump",
  "serverDrain",
  "serverDrain",
  "clientDrain",
  "serverAbort",
  "clientAbort",
  "ping",
];

function faultPlan(random: Random, connections: number): FaultPlan {
  return {
    atMs: random.int(0, 400),
    connection: random.int(0, connections - 1),
    kind: random.pick(FAULTS),
    durationMs: random.pick([1, 50, 500, 3_000, 40_000]),
    toServer: random.chance(0.5),
  };
}

/** The program of a seed. */
export function program(seed: number, wire: "grpc" | "lean"): Program {
  const random = new Random(seed);
  const connections = random.pick([1, 1, 1, 2]);
  const faults = random.chance(0.5) ? random.int(1, 3) : 0;
  const planned: Omit<Program, "workMsPerKiB"> = {
    wire,
    networkSeed: random.int(0, 0x7fffffff),
    connections: Array.from({ length: connections }, () => connectionPlan(random)),
    calls: Array.from(
      { length: random.pick([1, 2, 3, 5, 10, 20]) },
      () => callPlan(random, connections),
    ),
    faults: Array.from({ length: faults }, () => faultPlan(random, connections)),
    ending: random.pick(
      [
        "clientDrain",
        "clientDrain",
        "serverDrain",
        "serverDrain",
        "clientAbort",
        "serverAbort",
        "cut",
      ],
    ),
  };
  // Drawn last, so that the rest of a seed's program stays what it was without work.
  return { ...planned, workMsPerKiB: random.pick([0, 0, 0, 0.005, 0.05]) };
}
