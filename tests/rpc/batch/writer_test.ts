import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  ExchangeRequestSchema,
  ExchangeResponseSchema,
} from "../../../proto/gen/vrpc/v1/batch_pb.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import {
  BatchRequestWriter,
  BatchResponseWriter,
  readBatchRequest,
  readBatchResponse,
} from "../../../src/rpc/batch/messages.ts";

const id = fc.integer({ min: 1, max: 0xffff_ffff });

const number = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff_ffff }));

const bytes = fc.uint8Array({ maxLength: 300 });

const entry = fc.oneof(
  fc.tuple(
    fc.stringMatching(/^[0-9a-z_.]{1,12}$/),
    fc.stringMatching(/^[\x20-\x7e]{0,200}$/),
  ),
  fc.tuple(fc.constantFrom("a-bin", "grpc-status-details-bin"), bytes),
);

const metadata = fc.array(entry, { maxLength: 5 }).map((list) => new Metadata(list));

const call = fc.record({
  id,
  method: fc.string({ maxLength: 40 }).map((s) => s.toWellFormed()),
  methodRef: number,
  payload: bytes,
  timeoutMs: number,
  metadata,
});

type CallShape = typeof call extends fc.Arbitrary<infer T> ? T : never;

const reply = fc.record({
  id,
  payload: bytes,
  code: fc.integer({ min: 0, max: 16 }),
  message: fc.string({ maxLength: 40 }).map((s) => s.toWellFormed()),
  headers: metadata,
  trailers: metadata,
});

function entries(from: Metadata) {
  return [...from].map(([key, value]) => ({
    key,
    value: typeof value === "string"
      ? { case: "text" as const, value }
      : { case: "binary" as const, value: new Uint8Array(value) },
  }));
}

function requestMessage(calls: CallShape[], cancelledIds: number[]) {
  return create(ExchangeRequestSchema, {
    calls: calls.map((c) => ({
      ...c,
      payload: new Uint8Array(c.payload),
      metadata: entries(c.metadata),
    })),
    cancelledIds,
    maxReplyBytes: 77,
  });
}

Deno.test("written requests equal those of the generated code", () => {
  fc.assert(fc.property(fc.array(call, { maxLength: 6 }), fc.array(id), (calls, cancels) => {
    const writer = new BatchRequestWriter();
    for (const c of calls) {
      writer.call(c.id, c.method, c.methodRef, c.payload, c.timeoutMs, c.metadata);
    }
    for (const one of cancels) writer.cancel(one);
    writer.maxReplyBytes(77);
    const expected = requestMessage(calls, cancels);
    const written = writer.take();
    assert.deepEqual(fromBinary(ExchangeRequestSchema, written), expected);

    for (const source of [written, toBinary(ExchangeRequestSchema, expected)]) {
      const seen: unknown[] = [];
      const cancelled: number[] = [];
      readBatchRequest(source, {
        onCall(id, method, methodRef, payload, timeoutMs, received) {
          const metadata = entries(received ?? new Metadata());
          seen.push({ id, method, methodRef, payload: [...payload], timeoutMs, metadata });
        },
        onCancel: (one) => cancelled.push(one),
        onMaxReplyBytes: (count) => assert.equal(count, 77),
      });
      assert.deepEqual(
        seen,
        calls.map((c) => ({ ...c, payload: [...c.payload], metadata: entries(c.metadata) })),
      );
      assert.deepEqual(cancelled, cancels);
    }
  }));
});

Deno.test("written responses equal those of the generated code", () => {
  fc.assert(fc.property(fc.array(reply, { maxLength: 6 }), (replies) => {
    const writer = new BatchResponseWriter();
    writer.maxCalls(100);
    for (const r of replies) {
      writer.reply(r.id, r.code, r.message, r.payload, r.headers, r.trailers);
    }
    const expected = create(ExchangeResponseSchema, {
      maxCalls: 100,
      replies: replies.map((r) => ({
        ...r,
        payload: new Uint8Array(r.payload),
        headers: entries(r.headers),
        trailers: entries(r.trailers),
      })),
    });
    const written = writer.take();
    assert.deepEqual(fromBinary(ExchangeResponseSchema, written), expected);
    for (const source of [written, toBinary(ExchangeResponseSchema, expected)]) {
      const seen: unknown[] = [];
      readBatchResponse(source, {
        onReply(id, code, message, payload, headers, trailers) {
          seen.push({
            id,
            code,
            message,
            payload: [...payload],
            headers: entries(headers ?? new Metadata()),
            trailers: entries(trailers ?? new Metadata()),
          });
        },
        onMaxCalls: (count) => assert.equal(count, 100),
      });
      assert.deepEqual(
        seen,
        replies.map((r) => ({
          ...r,
          payload: [...r.payload],
          headers: entries(r.headers),
          trailers: entries(r.trailers),
        })),
      );
    }
  }));
});
