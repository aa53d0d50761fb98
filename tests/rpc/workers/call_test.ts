import assert from "node:assert/strict";
import { lendBuffer } from "../../../src/bytes/pool.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { WorkerCall } from "../../../src/rpc/workers/call.ts";
import type { FromWorker } from "../../../src/rpc/workers/messages.ts";

function started() {
  const posted: { message: FromWorker; transfer: Transferable[] }[] = [];
  const call = new WorkerCall({
    kind: "call",
    id: 7,
    path: "/a.Service/Method",
    payload: new Uint8Array(),
    deadlineMs: Infinity,
    metadata: [],
    peer: { address: "memory", transport: "memory" },
    authority: "localhost",
    wire: "grpc",
  }, (message, transfer) => posted.push({ message: structuredClone(message), transfer }));
  return { call, posted };
}

const ENDS: Record<string, (call: WorkerCall, reply: Uint8Array) => void> = {
  respond: (call, reply) => call.respond(reply),
  "a message and OK": (call, reply) => {
    call.sendMessage(reply);
    call.sendStatus(Status.OK, "");
  },
  "a message and an error": (call, reply) => {
    call.sendMessage(reply);
    call.sendStatus(Status.ABORTED, "");
  },
};

for (const [name, end] of Object.entries(ENDS)) {
  Deno.test(`the buffer lent for a reply returns to the pool: ${name}`, () => {
    const { call, posted } = started();
    const reply = lendBuffer(3_000).subarray(0, 3_000).fill(1);
    end(call, reply);
    assert.ok(lendBuffer(3_000).buffer === reply.buffer);
    assert.equal(posted.length, 1);
    const { message, transfer } = posted[0];
    assert.ok(message.kind === "reply");
    if (message.code !== Status.OK) return assert.deepEqual(transfer, []);
    // The copy that is posted is not the pool's buffer.
    assert.deepEqual(message.payload, new Uint8Array(3_000).fill(1));
    assert.deepEqual(transfer, [message.payload!.buffer]);
    assert.notEqual(message.payload!.buffer, reply.buffer);
  });
}

Deno.test("a reply that cannot be posted, because a buffer was detached, becomes INTERNAL", () => {
  const value = Uint8Array.of(1, 2);
  const { call, posted } = started();
  call.sendHeaders(new Metadata({ "a-bin": value }));
  // Not `transfer`, which Node 20 lacks.
  structuredClone(value.buffer, { transfer: [value.buffer] });
  call.respond(Uint8Array.of(3));
  assert.equal(posted.length, 1);
  const [{ message }] = posted;
  assert.ok(message.kind === "reply");
  assert.deepEqual([message.id, message.code, message.payload], [7, Status.INTERNAL, undefined]);
  assert.match(message.message, /detached/);
});
