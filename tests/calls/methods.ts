/** Methods for the shared cases, and the observations of their handlers. */

import { create } from "@bufbuild/protobuf";
import { Echo, MsgSchema } from "../../proto/gen/bench/echo_pb.ts";
import { type Channel, packDetail, type Router, RpcError, Status } from "../../mod.ts";
import { Metadata } from "../../src/call/metadata.ts";
import { text, untext } from "../fixtures/bytes.ts";
import { ErrorInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";

export { text, untext };

/** Observations of handlers, by key. */
export class Seen {
  #values = new Map<string, unknown>();
  #waiting = new Map<string, (value: unknown) => void>();

  /** Resolves to the observation under `key`. */
  wait<T>(key: string): Promise<T> {
    if (this.#values.has(key)) return Promise.resolve(this.#values.get(key) as T);
    return new Promise((resolve) => this.#waiting.set(key, resolve as (value: unknown) => void));
  }

  set(key: string, value: unknown): void {
    this.#values.set(key, value);
    this.#waiting.get(key)?.(value);
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }
}

export function addMethods(router: Router, seen: Seen): void {
  router.service(Echo, {
    unary: (request) => request,
    async *bidi(requests) {
      yield* requests;
    },
    *chunks({ count, size }) {
      for (let i = 0; i < count; i++) yield create(MsgSchema, { payload: new Uint8Array(size) });
    },
  });
  addUnary(router, seen);
  addStreams(router, seen);
}

function addUnary(router: Router, seen: Seen): void {
  router.method("/suite/echo", {}, (request) => request);

  router.method("/suite/metadata", {}, (request, ctx) => {
    for (const [key, value] of ctx.metadata) {
      if (key.startsWith("echo-")) {
        ctx.responseHeaders.append(`h-${key}`, value);
        ctx.responseTrailers.append(`t-${key}`, value);
      }
    }
    return request;
  });

  router.method("/suite/fail", {}, (request, ctx) => {
    const { code, message } = JSON.parse(untext(request));
    ctx.responseTrailers.set("from", "handler");
    throw new RpcError(code, message, {
      metadata: new Metadata({ reason: "because" }),
      details: [packDetail(ErrorInfoSchema, { reason: "QUOTA", domain: "suite" })],
    });
  });

  router.method("/suite/crash", {}, () => {
    throw new Error("a secret");
  });

  router.method("/suite/remaining", {}, (_, ctx) => text(String(ctx.timeRemainingMs())));

  // Runs until cancelled; records the reason.
  router.method("/suite/hang", {}, async (request, ctx) => {
    const key = untext(request);
    seen.set(`${key} started`, true);
    await new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
    seen.set(key, ctx.signal.reason);
    return request;
  });

  // Lets its deadline pass without giving the timer a turn, then makes a call that inherits it.
  router.method("/suite/late", {}, async (request, ctx) => {
    const key = untext(request);
    seen.set(`${key} started`, true);
    const channel = await seen.wait<Channel>("channel");
    while (ctx.timeRemainingMs() > 0);
    const nested = await channel.call("/suite/hang", text(`nested ${key}`)).catch((error) => error);
    seen.set(`${key} nested`, nested);
    return request;
  });

  router.method("/suite/big", {}, (request) => new Uint8Array(Number(untext(request))).fill(7));

  router.method("/suite/compressed", {}, (request, ctx) => {
    ctx.compress = true;
    return request;
  });
}

function addStreams(router: Router, seen: Seen): void {
  router.method("/suite/sum", { kind: "client_streaming" }, async (requests) => {
    let count = 0;
    let bytes = 0;
    for await (const request of requests) {
      count++;
      bytes += request.length;
    }
    return text(`${count} ${bytes}`);
  });

  router.method("/suite/first", { kind: "client_streaming" }, async (requests) => {
    for await (const request of requests) return request;
    return text("none");
  });

  router.method("/suite/count", { kind: "server_streaming" }, function* (request) {
    const count = Number(untext(request));
    for (let i = 0; i < count; i++) yield text(String(i));
  });

  router.method("/suite/countThenFail", { kind: "server_streaming" }, function* (request, ctx) {
    const count = Number(untext(request));
    for (let i = 0; i < count; i++) yield text(String(i));
    ctx.responseTrailers.set("counted", String(count));
    throw new RpcError(Status.ABORTED, "counted far enough");
  });

  router.method("/suite/bidi", { kind: "bidi_streaming" }, async function* (requests) {
    for await (const request of requests) yield request;
  });

  // Both sides send independently.
  router.method("/suite/chat", { kind: "bidi_streaming" }, async function* (requests, ctx) {
    ctx.responseHeaders.set("greeting", "hello");
    yield text("welcome");
    for await (const request of requests) {
      if (untext(request) === "bye") break;
      yield text(`you said ${untext(request)}`);
    }
    yield text("goodbye");
  });

  // Writes as fast as flow control allows, and counts.
  router.method("/suite/firehose", { kind: "server_streaming" }, async function* (request, ctx) {
    const key = untext(request);
    ctx.signal.addEventListener("abort", () => seen.set(`${key} aborted`, ctx.signal.reason));
    const chunk = new Uint8Array(16_384);
    seen.set(`${key} started`, true);
    try {
      for (let count = 1; count <= 100_000; count++) {
        seen.set(key, count);
        yield chunk;
        // Yields to other work on this thread.
        if (count % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
    } finally {
      seen.set(`${key} left`, true);
    }
  });

  // Reads nothing until the case allows it.
  router.method("/suite/slow", { kind: "client_streaming" }, async (requests, ctx) => {
    const key = ctx.metadata.get("key")!;
    await seen.wait(`${key} go`);
    let count = 0;
    for await (const _ of requests) count++;
    return text(String(count));
  });

  router.method("/suite/reads", { kind: "bidi_streaming" }, async function* (requests, ctx) {
    const key = ctx.metadata.get("key")!;
    ctx.signal.addEventListener("abort", () => seen.set(key, ctx.signal.reason));
    for await (const request of requests) yield request;
  });
}
