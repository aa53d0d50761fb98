import assert from "node:assert/strict";
import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { addBatch, type BatchServerOptions } from "../../../src/rpc/batch/server.ts";
import {
  BATCH_METHOD,
  BatchRequestWriter,
  readBatchResponse,
} from "../../../src/rpc/batch/messages.ts";
import { RpcError } from "../../../src/errors.ts";
import type { HandlerContext } from "../../../src/rpc/core/types.ts";
import { Router } from "../../../src/rpc/dispatch/router.ts";
import { tryEdges } from "../../fixtures/option_edges.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

/** A batch stream whose handlers the test holds. */
class Stream {
  readonly held = new Map<number, PromiseWithResolvers<Uint8Array>>();
  readonly contexts = new Map<number, HandlerContext>();
  readonly host: FakeHost;
  readonly call: FakeCall;
  readonly replies: {
    id: number;
    code: number;
    message: string;
    payload: number[];
    headers?: Metadata;
    trailers?: Metadata;
  }[] = [];
  maxCalls = 0;
  #read = 0;

  constructor(options?: BatchServerOptions) {
    this.host = new FakeHost((router) => {
      addBatch(router, options);
      router.method("/echo", {}, (request) => request);
      router.method("/hold", {}, (request, context) => {
        this.contexts.set(request[0], context);
        const held = Promise.withResolvers<Uint8Array>();
        this.held.set(request[0], held);
        return held.promise;
      });
      router.method("/fail", {}, () => {
        throw new RpcError(Status.NOT_FOUND, "nothing");
      });
      router.method("/metadata", {}, (request, context) => {
        assert.equal(context.wire, "batch");
        context.responseHeaders.set("h", context.metadata.get("in") ?? "none");
        context.responseTrailers.set("t-bin", bytes(1));
        return request;
      });
      router.method("/many", { kind: "server_streaming" }, () => [bytes(1), bytes(2), bytes(3)]);
    });
    this.call = this.host.accept(new FakeCall(BATCH_METHOD));
  }

  /** Sends one message of the batch stream. */
  send(write: (writer: BatchRequestWriter) => void): void {
    const writer = new BatchRequestWriter();
    write(writer);
    this.call.sink.onMessage(writer.take(), false);
  }

  /** Resolves when so many replies are here. */
  async until(count: number): Promise<void> {
    for (;;) {
      for (; this.#read < this.call.messages.length; this.#read++) {
        readBatchResponse(this.call.messages[this.#read], {
          onReply: (id, code, message, payload, headers, trailers) =>
            this.replies.push({ id, code, message, payload: [...payload], headers, trailers }),
          onMaxCalls: (maxCalls) => this.maxCalls = maxCalls,
        });
      }
      if (this.replies.length >= count) return;
      await this.call.sent(this.#read + 1);
    }
  }

  async end(): Promise<void> {
    this.call.sink.onHalfClose();
    await this.call.ended;
  }
}

Deno.test("batched calls of one message are answered in one message", async () => {
  const stream = new Stream();
  stream.send((w) => {
    w.call(1, "/echo", 1, bytes(5), 0);
    w.call(2, "", 1, bytes(6), 0);
    w.call(3, "/fail", 0, bytes(), 0);
    w.call(4, "/nothing", 2, bytes(), 0);
    w.call(5, "", 2, bytes(), 0);
  });
  await stream.until(5);
  assert.equal(stream.maxCalls, 1024);
  assert.ok(stream.call.messages.length <= 2);
  assert.deepEqual(stream.replies.map((r) => [r.id, r.code, ...r.payload]), [
    [1, 0, 5],
    [2, 0, 6],
    [3, Status.NOT_FOUND],
    [4, Status.UNIMPLEMENTED],
    [5, Status.UNIMPLEMENTED],
  ]);
  assert.equal(stream.replies[2].message, "nothing");
  await stream.end();
  assert.equal(stream.call.status, Status.OK);
});

Deno.test("batched replies come as handlers finish, and the end waits for them", async () => {
  const stream = new Stream();
  stream.send((w) => {
    w.call(1, "/hold", 0, bytes(1), 0);
    w.call(2, "/hold", 0, bytes(2), 0);
    w.call(3, "/echo", 0, bytes(3), 0);
  });
  await stream.until(1);
  stream.call.sink.onHalfClose();
  stream.held.get(2)?.resolve(bytes(22));
  await stream.until(2);
  assert.equal(stream.call.status, undefined);
  stream.held.get(1)?.reject(new Error("secret"));
  await stream.call.ended;
  await stream.until(3);
  assert.deepEqual(stream.replies.map((r) => r.id), [3, 2, 1]);
  assert.equal(stream.replies[2].code, Status.UNKNOWN);
  assert.ok(!stream.replies[2].message.includes("secret"));
  assert.equal(stream.call.status, Status.OK);
});

Deno.test("batched calls have metadata both ways", async () => {
  const stream = new Stream();
  stream.send((w) => {
    w.call(1, "/metadata", 0, bytes(1), 0, new Metadata({ in: "x" }));
    w.call(2, "/metadata", 0, bytes(1), 0);
  });
  await stream.until(2);
  assert.equal(stream.replies[0].headers?.get("h"), "x");
  assert.deepEqual([...stream.replies[0].trailers?.get("t-bin") ?? []], [1]);
  assert.equal(stream.replies[1].headers?.get("h"), "none");
  await stream.end();
});

Deno.test("each batched call has its own deadline and its own cancellation", async () => {
  const stream = new Stream();
  stream.send((w) => {
    w.call(1, "/hold", 0, bytes(1), 50);
    w.call(2, "/hold", 0, bytes(2), 0);
    w.call(3, "/hold", 0, bytes(3), 5000);
  });
  await new Promise((resolve) => setTimeout(resolve));
  stream.host.clock.advance(60);
  await stream.until(1);
  assert.deepEqual([stream.replies[0].id, stream.replies[0].code], [1, Status.DEADLINE_EXCEEDED]);
  assert.equal(stream.contexts.get(1)?.signal.aborted, true);
  stream.send((w) => w.cancel(2));
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(stream.contexts.get(2)?.signal.aborted, true);
  assert.equal(stream.contexts.get(3)?.signal.aborted, false);
  for (const held of stream.held.values()) held.resolve(bytes());
  await stream.until(2);
  await stream.end();
  assert.deepEqual(stream.replies.map((r) => r.id), [1, 3]);
});

Deno.test("running handlers count against maxCalls, given up ones too", async () => {
  const stream = new Stream({ maxCalls: 2 });
  stream.send((w) => {
    w.call(1, "/hold", 0, bytes(1), 0);
    w.call(2, "/hold", 0, bytes(2), 0);
    w.cancel(1);
    w.call(3, "/echo", 0, bytes(3), 0);
  });
  await stream.until(1);
  assert.equal(stream.maxCalls, 2);
  assert.deepEqual([stream.replies[0].id, stream.replies[0].code], [3, Status.RESOURCE_EXHAUSTED]);
  stream.held.get(1)?.resolve(bytes());
  await new Promise((resolve) => setTimeout(resolve));
  stream.send((w) => w.call(4, "/echo", 0, bytes(4), 0));
  await stream.until(2);
  assert.equal(stream.replies[1].code, Status.OK);
  stream.held.get(2)?.resolve(bytes());
  await stream.end();
});

Deno.test("a reply over the caller's limit fails alone, and so does a method with many replies", async () => {
  const stream = new Stream();
  stream.send((w) => {
    w.maxReplyBytes(10);
    w.call(1, "/echo", 0, new Uint8Array(11), 0);
    w.call(2, "/echo", 0, new Uint8Array(10), 0);
    w.call(3, "/many", 0, bytes(), 0);
    w.call(4, BATCH_METHOD, 0, bytes(), 0);
  });
  await stream.until(4);
  const codes = new Map(stream.replies.map((r) => [r.id, r.code]));
  assert.equal(codes.get(1), Status.RESOURCE_EXHAUSTED);
  assert.equal(codes.get(2), Status.OK);
  assert.equal(codes.get(3), Status.UNIMPLEMENTED);
  assert.equal(codes.get(4), Status.UNIMPLEMENTED);
  await stream.end();
});

Deno.test("a caller that breaks the batch's rules ends the stream and its calls", async () => {
  const breaks: ((w: BatchRequestWriter) => void)[] = [
    (w) => w.call(0, "/echo", 0, bytes(), 0),
    (w) => w.call(1, "/hold", 0, bytes(9), 0),
    (w) => w.call(7, "", 5, bytes(), 0),
    (w) => w.call(7, "/echo", 1025, bytes(), 0),
    (w) => w.call(7, "", 0, bytes(), 0),
  ];
  for (const breakIt of breaks) {
    const stream = new Stream();
    stream.send((w) => w.call(1, "/hold", 0, bytes(1), 0));
    stream.send(breakIt);
    await stream.call.ended;
    assert.equal(stream.call.status, Status.INVALID_ARGUMENT);
    assert.equal(stream.contexts.get(1)?.signal.aborted, true);
  }
  const stream = new Stream();
  stream.call.sink.onMessage(bytes(0x0a, 0x20, 1), false);
  await stream.call.ended;
  assert.equal(stream.call.status, Status.INVALID_ARGUMENT);
});

Deno.test("a cancelled batch stream cancels its calls", async () => {
  const stream = new Stream();
  stream.send((w) => w.call(1, "/hold", 0, bytes(1), 0));
  await new Promise((resolve) => setTimeout(resolve));
  stream.call.cancel();
  await stream.call.ended;
  assert.equal(stream.contexts.get(1)?.signal.aborted, true);
  stream.held.get(1)?.resolve(bytes());
});

Deno.test("a caller that reads no replies is not served further calls", async () => {
  const stream = new Stream({ maxBufferedBytes: 100_000 });
  stream.call.writable = false;
  for (let id = 1; id <= 100; id++) {
    stream.send((w) => w.call(id, "/echo", 0, new Uint8Array(50_000), 0));
  }
  await new Promise((resolve) => setTimeout(resolve));
  const { started } = stream.host.host.stats();
  assert.ok(started < 10, `${started} calls were started`);
  assert.ok(stream.call.pauses.length > 0);
  stream.call.writable = true;
  stream.call.sink.onWritable();
  await stream.until(100);
  await stream.end();
});

Deno.test("addBatch() refuses options out of range", () => {
  tryEdges([
    ["maxCalls", 1, Infinity, true],
    ["maxBufferedBytes", 1, Infinity, true],
  ], (option) => addBatch(new Router(), option));
});
