/** A batch stream as a test sees it. */

import assert from "node:assert/strict";
import type { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import { addBatch, type BatchServerOptions } from "../../../src/rpc/batch/server.ts";
import {
  BATCH_METHOD,
  BatchRequestWriter,
  readBatchResponse,
} from "../../../src/rpc/batch/messages.ts";
import { RpcError } from "../../../src/errors.ts";
import type { HandlerContext } from "../../../src/rpc/core/types.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";

/** Bytes of a request or reply. */
export const bytes = (...values: number[]) => new Uint8Array(values);

/** A batch stream on a server whose handlers the test completes. */
export class BatchedStream {
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

  /** Resolves once `count` replies have arrived. */
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
