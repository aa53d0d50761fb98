/**
 * Workloads whose allocations are counted: the engines of both sides in memory, synchronous, so that figures
 * depend on the code alone.
 *
 * @module
 */

import { Metadata } from "../src/call/metadata.ts";
import type { ServerCall } from "../src/call/wire.ts";
import { protobufCodec } from "../src/codec/protobuf.ts";
import {
  BatchRequestWriter,
  BatchResponseWriter,
  readBatchRequest,
  readBatchResponse,
} from "../src/rpc/batch/messages.ts";
import { Echo, MsgSchema } from "../proto/gen/bench/echo_pb.ts";
import { FakeHost } from "../tests/fixtures/fake_call.ts";
import { pickAll, pickerOf, POLICIES, TIMES } from "./balancer_picks.ts";
import {
  echoMessages,
  echoUnary,
  EnginePair,
  expectCount,
  ReplyCounter,
  sendChunks,
  UNARY,
  type Wire,
} from "./engine_pair.ts";

const IN_FLIGHT = 10;
const PAYLOAD = new Uint8Array(64);
const CHUNK = new Uint8Array(16_384);

/** Workload. */
export interface Workload {
  /** Name in allocations.json. */
  readonly name: string;
  /** Units per round, few enough to allocate less than 64 MiB outside of the heap. */
  readonly count: number;
  /** Makes `count` calls, or sends `count` messages, and returns when they are complete. */
  run(count: number): void;
}

function unary(
  name: string,
  wire: Wire,
  onCall: (call: ServerCall) => void,
  payload: Uint8Array = PAYLOAD,
): Workload {
  const pair = new EnginePair(wire, onCall);
  return {
    name,
    count: 20_000,
    run(count) {
      const replies = new ReplyCounter();
      for (let i = 0; i < count; i += IN_FLIGHT) {
        for (let k = 0; k < IN_FLIGHT; k++) {
          pair.client.startCall(UNARY, replies).sendLastMessage(payload, false);
        }
        pair.carry();
      }
      expectCount("replies", replies.messages + replies.succeeded, 2 * count);
    },
  };
}

/** Picks of a balancer, which allocate nothing. */
function picks(policy: string): Workload {
  const picker = pickerOf(policy, POLICIES[policy]);
  return {
    name: `pick by ${policy}`,
    count: 200 * TIMES,
    run(count) {
      for (let i = 0; i < count; i += TIMES) pickAll(picker);
    },
  };
}

/** Metadata as text, bytes and a trailer, read by the receiver. */
function grpcMetadata(): Workload {
  let read = 0;
  const pair = new EnginePair("grpc", (call) => {
    read += call.metadata.get("tenant")!.length + call.metadata.get("token-bin")!.length;
    call.sink = {
      onMessage: (message) => call.sendMessage(message, false),
      onHalfClose() {
        call.sendStatus(0, "", new Metadata({ "cost": "12" }));
        call.handlerDone();
      },
      onCancel: () => call.handlerDone(),
      onWritable() {},
    };
  });
  const token = new Uint8Array(16).fill(7);
  const replies = new ReplyCounter();
  const sink = Object.assign(Object.create(replies), {
    onStatus(_code: number, _message: string, trailers: () => Metadata) {
      read += trailers().get("cost")!.length;
    },
  });
  return {
    name: "grpc unary 64 B with metadata",
    count: 10_000,
    run(count) {
      read = 0;
      for (let i = 0; i < count; i += IN_FLIGHT) {
        for (let k = 0; k < IN_FLIGHT; k++) {
          const metadata = new Metadata({
            "tenant": "acme",
            "request-id": "7f3c",
            "token-bin": token,
          });
          pair.client.startCall({ ...UNARY, metadata }, sink).sendLastMessage(PAYLOAD, false);
        }
        pair.carry();
      }
      expectCount("characters of metadata", read, count * (4 + 16 + 2));
    },
  };
}

/** The full path of a server: method lookup, protobuf in both directions, a synchronous handler. */
function grpcHandler(): Workload {
  const fake = new FakeHost((router) => router.service(Echo, { unary: (request) => request }));
  const payload = protobufCodec(MsgSchema).encode({ payload: PAYLOAD });
  return unary(
    "grpc unary 64 B with a protobuf handler",
    "grpc",
    (call) => fake.host.accept(call, fake.connection),
    payload,
  );
}

function bidi(wire: Wire): Workload {
  const pair = new EnginePair(wire, echoMessages);
  const replies = new ReplyCounter();
  const call = pair.client.startCall(
    { ...UNARY, path: "/bench.Echo/Bidi", singleResponse: false, requestStreams: true },
    replies,
  );
  return {
    name: `${wire} bidirectional message 64 B`,
    count: 20_000,
    run(count) {
      const before = replies.messages;
      for (let i = 0; i < count; i += IN_FLIGHT) {
        for (let k = 0; k < IN_FLIGHT; k++) call.sendMessage(PAYLOAD, false);
        pair.carry();
      }
      expectCount("messages", replies.messages - before, count);
    },
  };
}

const CHUNKS_PER_CALL = 100;

function chunks(wire: Wire): Workload {
  const pair = new EnginePair(wire, sendChunks(CHUNKS_PER_CALL, CHUNK));
  return {
    name: `${wire} server stream message 16 KiB`,
    count: 1_000,
    run(count) {
      const replies = new ReplyCounter();
      for (let i = 0; i < count; i += CHUNKS_PER_CALL) {
        pair.client.startCall(
          { ...UNARY, path: "/bench.Echo/Chunks", singleResponse: false },
          replies,
        ).sendLastMessage(PAYLOAD, false);
        pair.carry();
      }
      expectCount("messages", replies.messages, count);
    },
  };
}

/** Cost of batching per call: encoded and decoded in messages of ten calls, in both directions. */
function batch(): Workload {
  const requests = new BatchRequestWriter();
  const responses = new BatchResponseWriter();
  let answered = 0;
  const requestSink = {
    onCall(id: number, _method: string, _ref: number, payload: Uint8Array) {
      responses.ok(id, payload);
    },
    onCancel() {},
    onMaxReplyBytes() {},
  };
  const responseSink = {
    onReply(_id: number, code: number, _message: string, payload: Uint8Array) {
      if (code === 0 && payload.length === PAYLOAD.length) answered++;
    },
    onMaxCalls() {},
  };
  return {
    name: "batched call 64 B, wire format alone",
    count: 20_000,
    run(count) {
      answered = 0;
      for (let i = 0; i < count; i += IN_FLIGHT) {
        for (let k = 0; k < IN_FLIGHT; k++) requests.call(i + k + 1, "", 1, PAYLOAD, 0);
        readBatchRequest(requests.take(), requestSink);
        readBatchResponse(responses.take(), responseSink);
      }
      expectCount("replies", answered, count);
    },
  };
}

/** All workloads, each created when it is measured, to exclude garbage of others. */
export const WORKLOADS: readonly (() => Workload)[] = [
  () => unary("grpc unary 64 B", "grpc", echoUnary),
  () => unary("lean unary 64 B", "lean", echoUnary),
  grpcMetadata,
  grpcHandler,
  () => bidi("grpc"),
  () => bidi("lean"),
  () => chunks("grpc"),
  () => chunks("lean"),
  batch,
  ...Object.keys(POLICIES).map((policy) => () => picks(policy)),
];
