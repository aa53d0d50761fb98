import assert from "node:assert/strict";
import { MemoryShare } from "../../../src/limits/memory_pool.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type { GrpcServerConnection } from "../../../src/grpc/server.ts";
import type { ReceiveWindow } from "../../../src/http2/receive_window.ts";
import type { LeanServerConnection } from "../../../src/lean/server.ts";
import { Caller } from "./calls.ts";
import { Events } from "./events.ts";
import { type CallPlan, type Program, program } from "./program.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import { runProgram, World } from "./world.ts";

const SEEDS = 1_500;

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`${SEEDS} random programs on the ${wire} wire keep every guarantee`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const error = runProgram(program(seed, wire));
      if (error === null) continue;
      error.message = `seed ${seed} on ${wire}: ${error.message}`;
      throw error;
    }
  });
}

// Seeds that once failed, with their fault, in addition to the range above.
const FOUND: [number, "grpc" | "lean", string][] = [
  [177, "grpc", "a connection that had ended kept part of a frame"],
  [743, "grpc", "a timer was set after the connection's end"],
  [3098, "grpc", "a slow link was closed because its SETTINGS ACK was queued behind data"],
  [20753, "grpc", "the same, towards the client"],
  [26, "lean", "the slot of a cancelled call was not reported as free"],
];

for (const [seed, wire, what] of FOUND) {
  Deno.test(`seed ${seed} on ${wire}: ${what}`, () => {
    assert.equal(runProgram(program(seed, wire)), null);
  });
}

const SMALL_CALL: CallPlan = {
  atMs: 0,
  connection: 0,
  path: "/sim.v1.Sim/A",
  requestStreams: false,
  responseStreams: false,
  requests: [10],
  responses: [10],
  requestGapMs: 0,
  responseGapMs: 0,
  respondAfter: "end",
  status: 0,
  statusText: "",
  metadata: [0, 0, 0],
  headersFirst: false,
  compressed: false,
  cancelAfterMs: -1,
  timeoutMs: -1,
  serverPauseMs: 0,
  clientPauseMs: 0,
  lingerMs: 0,
};

/** A call of 4 MB on one connection, which keeps the server busy, and small ones on another. */
function busyServer(wire: "grpc" | "lean"): Program {
  const { connections } = shrink(program(1, wire), () => true);
  const requests: number[] = new Array(20).fill(200_000);
  return {
    ...program(1, wire),
    workMsPerKiB: 0.5,
    connections: [connections[0], connections[0]],
    calls: [
      { ...SMALL_CALL, requestStreams: true, requests },
      ...[500, 1_000, 1_500].map((atMs) => ({ ...SMALL_CALL, atMs, connection: 1 })),
    ],
    faults: [],
    ending: "clientDrain",
  };
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`a busy ${wire} connection leaves turns to another one of its server`, () => {
    const world = new World(busyServer(wire));
    const { events, connections: [busy, other] } = world;
    const waitsMs: number[] = [];
    const look = (id: number, startMs: number) => {
      const caller = other.callers.get(id);
      if (caller === undefined || !caller.ended) return events.after(0.1, () => look(id, startMs));
      assert.equal(busy.callers.get(0)!.ended, false);
      waitsMs.push(events.nowMs - startMs);
    };
    for (const [i, atMs] of [500, 1_000, 1_500].entries()) {
      const startMs = events.nowMs + atMs;
      events.at(startMs, () => look(i + 1, startMs));
    }
    world.run();
    // A window of 64 KiB is 32 ms of work; the whole call takes 2 s.
    assert.equal(waitsMs.length, 3);
    assert.ok(Math.max(...waitsMs) < 10, `${waitsMs} ms`);
  });
}

Deno.test("a world notices a connection that never gets its turn", () => {
  const world = new World(busyServer("lean"));
  world.servers.turns.onNextTurn = () => {};
  assert.throws(() => world.run(), /stuck before calls end/);
});

Deno.test("a seed always gives the same program", () => {
  assert.deepEqual(program(7, "grpc"), program(7, "grpc"));
  assert.notDeepEqual(program(7, "grpc"), program(8, "grpc"));
});

Deno.test("Random gives the same numbers for a seed, and others for another", () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 5 }, () => random.int(0, 1_000_000));
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.notDeepEqual(draw(1), draw(1 + 2 ** 32));
});

Deno.test("shrink() keeps only what a failure needs", () => {
  // As if calls of two messages or more failed on a connection that drains.
  const fails = (program: Program) =>
    program.calls.some((call) => call.requests.length >= 2) &&
    program.faults.some((fault) => fault.kind === "serverDrain");
  let seed = 1;
  while (!fails(program(seed, "grpc"))) seed++;
  const small = shrink(program(seed, "grpc"), fails);
  assert.deepEqual(small.calls.map((call) => call.requests), [[0, 0]]);
  assert.deepEqual(small.faults.map((fault) => fault.kind), ["serverDrain"]);
  assert.equal(small.connections.length, 1);
});

Deno.test("a caller fails on events after its status", () => {
  // As from an engine that reports the end of a call twice.
  const planned = { ...program(4, "grpc"), faults: [] };
  assert.equal(runProgram(planned), null);
  const caller = new Caller(new Events(), 0, planned.calls[0]);
  const trailers = () => new Metadata();
  caller.onStatus(Status.OK, "", trailers, "processed");
  assert.throws(() => caller.onStatus(Status.OK, "", trailers, "processed"), /after status/);
  assert.throws(() => caller.onMessage(new Uint8Array(1), false), /after status/);
});

Deno.test("a world notices memory that is not returned", () => {
  for (const wire of ["grpc", "lean"] as const) {
    const world = new World(program(1, wire));
    new MemoryShare(world.memory).take(1);
    assert.throws(() => world.run(), /^Error: memory left: the pool: 1 bytes of 1 connections/);
  }
});

Deno.test("a world notices an octet of window that is not returned", () => {
  const world = new World(program(1, "grpc"));
  const { http2 } = world.connections[0].server as GrpcServerConnection;
  const { receiveWindow } = http2 as unknown as { receiveWindow: ReceiveWindow };
  const give = receiveWindow.give.bind(receiveWindow);
  receiveWindow.give = (stream, count) => give(stream, Math.max(0, count - 1));
  assert.throws(() => world.run(), /window leaked: to the server/);
});

Deno.test("a world notices an octet of credit that is not returned", () => {
  const world = new World(program(1, "lean"));
  const server = world.connections[0].server as LeanServerConnection;
  const { output } = server.connection;
  const writeCredit = output.writeCredit.bind(output);
  output.writeCredit = (id, bytes) => writeCredit(id, bytes - 1);
  assert.throws(() => world.run(), /credit leaked/);
});
