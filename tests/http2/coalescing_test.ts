import assert from "node:assert/strict";
import type { ServerCall } from "../../src/call/wire.ts";
import { GrpcServerConnection } from "../../src/grpc/server.ts";
import { GRPC_REQUEST, headers, hello, parse } from "./frames.ts";
import { serverCallSink } from "../fixtures/sinks.ts";

const DATA = 0;

/** A server whose calls are open, and what it writes. */
function serverWithCalls(...ids: number[]) {
  const calls: ServerCall[] = [];
  const engine = new GrpcServerConnection(
    {
      onCall(call) {
        call.sink = serverCallSink();
        call.sendHeaders();
        calls.push(call);
      },
    },
    {},
    0,
  );
  engine.receive(hello(), 0);
  for (const id of ids) engine.receive(headers(id, GRPC_REQUEST), 0);
  const flush = () => {
    const { buffer, length } = engine.out.take();
    engine.outputDrained(0);
    return parse(buffer.slice(0, length));
  };
  flush();
  return { calls, flush };
}

const message = (size: number) => new Uint8Array(size).fill(7);
const dataOf = (frames: ReturnType<typeof parse>) =>
  frames.filter((frame) => frame.type === DATA).map((frame) => frame.payload.length);

Deno.test("messages sent in one turn are coalesced into one DATA frame", () => {
  const { calls: [call], flush } = serverWithCalls(1);
  for (const size of [1, 100, 3]) call.sendMessage(message(size), false);
  const [frame] = flush();
  assert.deepEqual(dataOf([frame]), [15 + 104]);
  assert.deepEqual([...frame.payload.subarray(0, 12)], [0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 100, 7]);
});

Deno.test("a frame that the driver has taken is not extended, even at the same offset", () => {
  const { calls: [call], flush } = serverWithCalls(1);
  call.sendMessage(message(10), false);
  assert.deepEqual(dataOf(flush()), [15]);
  call.sendMessage(message(10), false);
  assert.deepEqual(dataOf(flush()), [15]);
});

Deno.test("frames of different streams are not coalesced", () => {
  const { calls, flush } = serverWithCalls(1, 3);
  for (const call of [...calls, ...calls]) call.sendMessage(message(1), false);
  assert.deepEqual(dataOf(flush()), [6, 6, 6, 6]);
});

Deno.test("RFC 9113 §4.2: a coalesced frame stays within the peer's SETTINGS_MAX_FRAME_SIZE", () => {
  const { calls: [call], flush } = serverWithCalls(1);
  for (let i = 0; i < 3; i++) call.sendMessage(message(8_000), false);
  assert.deepEqual(dataOf(flush()), [16_010, 8_005]);
});

Deno.test("a status after a coalesced frame ends the stream after it", () => {
  const { calls: [call], flush } = serverWithCalls(1);
  call.sendMessage(message(1), false);
  call.sendMessage(message(1), false);
  call.sendStatus(0, "");
  const frames = flush();
  assert.deepEqual(frames.slice(0, 2).map(({ type, flags }) => [type, flags]), [[DATA, 0], [1, 5]]);
});
