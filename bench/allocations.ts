/**
 * Bytes that one call allocates on the JavaScript heap: a figure that doesn't depend on how busy the machine
 * is. `bench/allocations.json` holds what was measured last; more than a tenth above it is a regression.
 *
 *   deno task bench:allocations            compare with the file (exit code 1 for a regression)
 *   deno task bench:allocations --update   write the file
 *
 * The young generation is made so large (see the task's V8 flags) that nothing is collected in between.
 */

import { GrpcClientConnection } from "../src/grpc/client.ts";
import { GrpcServerConnection } from "../src/grpc/server.ts";
import type { ServerCall } from "../src/call/wire.ts";

const CALLS = 20_000;
const ROUNDS = 5;
const MARGIN = 1.1;
const FILE = new URL("allocations.json", import.meta.url);

/** One workload: `run` makes `count` calls and returns when they are complete. */
interface Workload {
  readonly name: string;
  run(count: number): void;
}

/** Client and server engines joined in memory, 64-byte unary calls, ten in flight. */
function grpcUnary(): Workload {
  const onCall = (call: ServerCall) => {
    let request: Uint8Array = EMPTY;
    call.sink = {
      onMessage: (message) => request = message,
      onHalfClose: () => {
        call.respond(request);
        call.handlerDone();
      },
      onCancel: () => call.handlerDone(),
      onWritable: () => {},
    };
  };
  const server = new GrpcServerConnection({ onCall }, {}, 0);
  const client = new GrpcClientConnection({ onStateChange() {}, onCallEnd() {} }, {
    authority: "localhost",
  }, 0);
  const payload = new Uint8Array(64);
  const request = {
    path: "/bench.Echo/Unary",
    singleResponse: true,
    requestStreams: false,
    maxReceiveMessageBytes: 4_194_304,
  };
  const sink = { onHeaders() {}, onMessage() {}, onStatus() {}, onWritable() {} };
  const carry = () => {
    while (client.out.length > 0 || server.out.length > 0) {
      server.receive(client.out.view(), 0);
      client.out.length = 0;
      client.receive(server.out.view(), 0);
      server.out.length = 0;
    }
  };
  carry();
  return {
    name: "grpc unary 64 B, engines of both sides",
    run(count) {
      for (let i = 0; i < count; i += 10) {
        for (let k = 0; k < 10; k++) {
          client.startCall(request, sink).sendLastMessage(payload, false);
        }
        carry();
      }
    },
  };
}

const EMPTY = new Uint8Array(0);

function bytesPerCall(workload: Workload): number {
  workload.run(CALLS);
  const rounds: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = Deno.memoryUsage().heapUsed;
    workload.run(CALLS);
    rounds.push((Deno.memoryUsage().heapUsed - before) / CALLS);
  }
  // A collection in the middle makes a round too small, compilation too large: the median is neither.
  return Math.round(rounds.sort((a, b) => a - b)[ROUNDS >> 1]);
}

if (import.meta.main) {
  const measured: Record<string, number> = {};
  for (const workload of [grpcUnary()]) measured[workload.name] = bytesPerCall(workload);
  if (Deno.args.includes("--update")) {
    Deno.writeTextFileSync(FILE, JSON.stringify(measured, null, 2) + "\n");
  }
  const known: Record<string, number> = JSON.parse(Deno.readTextFileSync(FILE));
  let worse = false;
  for (const [name, bytes] of Object.entries(measured)) {
    const limit = Math.round((known[name] ?? 0) * MARGIN);
    const bad = bytes > limit || bytes <= 0;
    worse ||= bad;
    console.log(`${bad ? "WORSE" : "ok   "}  ${name}: ${bytes} bytes per call, limit ${limit}`);
  }
  if (worse) Deno.exit(1);
}
