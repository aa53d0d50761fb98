import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  ExchangeRequestSchema,
  ExchangeResponseSchema,
} from "../../../proto/gen/vrpc/v1/batch_pb.ts";
import { Metadata } from "../../../src/call/metadata.ts";
import { ProtocolError } from "../../../src/errors.ts";
import {
  BatchRequestWriter,
  BatchResponseWriter,
  readBatchRequest,
  readBatchResponse,
} from "../../../src/rpc/batch/messages.ts";

const ignoreRequests = { onCall() {}, onCancel() {}, onMaxReplyBytes() {} };

const ignoreResponses = { onReply() {}, onMaxCalls() {} };

Deno.test("arbitrary bytes raise a ProtocolError or nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      for (
        const read of [
          () => readBatchRequest(input, ignoreRequests),
          () => readBatchResponse(input, ignoreResponses),
        ]
      ) {
        try {
          read();
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("a request truncated within a call raises a ProtocolError", () => {
  const writer = new BatchRequestWriter();
  writer.call(7, "/a.B/C", 1, new Uint8Array(40), 500, new Metadata({ a: "b" }));
  const whole = writer.take();
  for (let length = 1; length < whole.length; length++) {
    assert.throws(
      () => readBatchRequest(whole.slice(0, length), ignoreRequests),
      ProtocolError,
    );
  }
});

Deno.test("a sink can start another read", () => {
  const inner = new BatchResponseWriter();
  inner.ok(9, new Uint8Array([9]));
  const innerMessage = inner.take();
  const outer = new BatchRequestWriter();
  outer.call(1, "/a", 0, new Uint8Array([1]), 0);
  outer.call(2, "/a", 0, new Uint8Array([2]), 0);
  const ids: number[] = [];
  readBatchRequest(outer.take(), {
    ...ignoreRequests,
    onCall(id) {
      ids.push(id);
      readBatchResponse(innerMessage, ignoreResponses);
    },
  });
  assert.deepEqual(ids, [1, 2]);
});

Deno.test("a metadata entry that could not be passed on is left out, and costs no call", () => {
  // Entries of a peer with other rules.
  const entries = [
    ["good", " a "],
    ["Upper", "b"],
    ["host", "x"],
    ["a b", "x"],
    ["tab", "a\tb"],
    ["text-bin", "x"],
    ["bytes", Uint8Array.of(1)],
    ["ok-bin", Uint8Array.of(1)],
  ] as const;
  const foreign = entries.map(([key, value]) => ({
    key,
    value: typeof value === "string"
      ? { case: "text" as const, value }
      : { case: "binary" as const, value },
  }));
  const wanted = [["good", "a"], ["upper", "b"], ["ok-bin", Uint8Array.of(1)]];
  const call = { method: "/a.B/C", payload: new Uint8Array(1) };
  const requests = create(ExchangeRequestSchema, {
    calls: [{ id: 1, ...call, metadata: foreign }, { id: 2, ...call }],
  });
  const calls: [number, Metadata | undefined][] = [];
  readBatchRequest(toBinary(ExchangeRequestSchema, requests), {
    ...ignoreRequests,
    onCall: (id, _method, _ref, _payload, _timeoutMs, metadata) => calls.push([id, metadata]),
  });
  assert.deepEqual(calls.map(([id]) => id), [1, 2]);
  assert.deepEqual([...calls[0][1]!], wanted);
  const responses = create(ExchangeResponseSchema, {
    replies: [{ id: 1, payload: new Uint8Array(1), headers: foreign, trailers: foreign }],
  });
  const replies: Metadata[] = [];
  readBatchResponse(toBinary(ExchangeResponseSchema, responses), {
    ...ignoreResponses,
    onReply: (_id, _code, _message, _payload, headers, trailers) =>
      replies.push(headers!, trailers!),
  });
  assert.deepEqual(replies.map((metadata) => [...metadata]), [wanted, wanted]);
});
