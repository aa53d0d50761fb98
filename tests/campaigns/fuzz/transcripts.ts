/** Valid transcripts: network traffic of programs of the simulation. */

import type { ConnectionEngine } from "../../../src/call/wire.ts";
import { join } from "./target.ts";
import { type Program, program } from "../simulation/program.ts";
import { World } from "../simulation/world.ts";

const SEEDS = [3, 11, 20, 21, 34, 48];
const MAX_BYTES = 30_000;

/** Records what clients (or servers) receive, one transcript per program. */
export function transcripts(wire: "grpc" | "lean", by: "client" | "server"): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (const [i, seed] of SEEDS.entries()) {
    const world = new World(small(program(seed, wire), LARGE[i % LARGE.length]));
    const { client, server } = world.connections[0];
    const engine: ConnectionEngine = by === "client" ? client : server;
    const received: Uint8Array[] = [];
    const receive = engine.receive.bind(engine);
    engine.receive = (chunk, nowMs) => {
      received.push(chunk.slice());
      receive(chunk, nowMs);
    };
    world.run();
    all.push(join(received).slice(0, MAX_BYTES));
  }
  return all;
}

// Variations beside short messages: fragmented messages where the wire supports them, or many fields.
const LARGE = ["messages", "fields", "messages", "nothing"] as const;
const PIECES = { fragmentBytes: 512 };

// Short messages and no faults, to vary the order of events.
function small(planned: Program, large: typeof LARGE[number]): Program {
  const pieces = large === "messages" ? PIECES : {};
  const most = large === "messages" ? 2_000 : 400;
  const plan = {
    ...planned.connections[0],
    grpcServer: {},
    leanServer: pieces,
    grpcClient: {},
    leanClient: pieces,
  };
  return {
    ...planned,
    connections: [plan],
    faults: [],
    calls: planned.calls.slice(0, 6).map((call) => ({
      ...call,
      metadata: large === "fields" ? [30, 30, 30] as const : call.metadata,
      requests: call.requests.map((size) => size % most),
      responses: call.responses.map((size) => size % most),
    })),
  };
}
