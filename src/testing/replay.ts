/**
 * Servers that answer as recorded.
 *
 * @module
 */

import type { Metadata } from "../call/metadata.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { HandlerContext } from "../rpc/core/types.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import {
  fromBase64,
  metadataOf,
  type RecordedCall,
  type Recording,
  toBase64,
} from "./recording.ts";

/**
 * Adds the methods of a recording, which answer as they did then. A call gets the answer of the recorded call with the
 * same requests; if there are several, of each in turn, and in the end always of the last. A call with requests that
 * were not recorded ends with NOT_FOUND. Bidirectional calls are answered in the order in which they were recorded,
 * message by message. Clients must use the recorded message format, which is binary unless a channel was told to use
 * JSON.
 *
 * ```ts
 * import { EchoService } from "@vrpc/vrpc/services/echo";
 * import { Recording, replay, testServer } from "@vrpc/vrpc/testing";
 *
 * const recording = Recording.parse(await Deno.readTextFile("echo.json"));
 * await using test = await testServer((router) => replay(router, recording));
 * await test.client(EchoService).echo({ payload: new Uint8Array(3) });
 * ```
 *
 * @category Testing
 */
export function replay(router: Router, recording: Recording): void {
  const byPath = new Map<string, RecordedCall[]>();
  for (const call of recording.calls) {
    const calls = byPath.get(call.path) ?? [];
    calls.push(call);
    byPath.set(call.path, calls);
  }
  for (const [path, calls] of byPath) addMethod(router, path, new Replays(path, calls));
}

function addMethod(router: Router, path: string, replays: Replays): void {
  switch (replays.kind) {
    case "unary":
      return void router.method(path, {}, (request, context) => {
        return single(replays.take([toBase64(request)]), context);
      });
    case "client_streaming":
      return void router.method(path, { kind: "client_streaming" }, async (requests, context) => {
        const sent: string[] = [];
        for await (const request of requests) sent.push(toBase64(request));
        return single(replays.take(sent), context);
      });
    case "server_streaming":
      return void router.method(path, { kind: "server_streaming" }, (request, context) => {
        return streamed(replays.take([toBase64(request)]), context);
      });
    case "bidi_streaming":
      return void router.method(path, { kind: "bidi_streaming" }, (requests, context) => {
        return conversation(replays.next(), requests, context);
      });
  }
}

/** Recorded calls of one method. */
class Replays {
  readonly #path: string;
  readonly #calls: readonly RecordedCall[];
  /** Calls whose answer was not used yet. */
  readonly #unused: Set<RecordedCall>;

  constructor(path: string, calls: readonly RecordedCall[]) {
    this.#path = path;
    this.#calls = calls;
    this.#unused = new Set(calls);
  }

  get kind(): RecordedCall["kind"] {
    return this.#calls[0].kind;
  }

  /** Returns the call to be answered for these requests. Throws NOT_FOUND. */
  take(requests: readonly string[]): RecordedCall {
    const key = requests.join();
    const matching = this.#calls.filter((call) => requestsOf(call).join() === key);
    const found = matching.find((call) => this.#unused.has(call)) ?? matching.at(-1);
    if (found === undefined) {
      throw new RpcError(
        Status.NOT_FOUND,
        `No recorded call of ${this.#path} has this request: ${this.#calls.length} are recorded`,
      );
    }
    this.#unused.delete(found);
    return found;
  }

  /** Returns the next call in the order of the recording. Throws NOT_FOUND after the last. */
  next(): RecordedCall {
    const [found] = this.#unused;
    if (found === undefined) {
      throw new RpcError(
        Status.NOT_FOUND,
        `All ${this.#calls.length} recorded calls of ${this.#path} were replayed`,
      );
    }
    this.#unused.delete(found);
    return found;
  }
}

function requestsOf({ messages }: RecordedCall): string[] {
  return messages.filter(([side]) => side === "request").map(([, message]) => message);
}

function single(call: RecordedCall, context: HandlerContext): Uint8Array {
  begin(call, context);
  end(call, context);
  return fromBase64(call.messages.find(([side]) => side === "reply")![1]);
}

function* streamed(call: RecordedCall, context: HandlerContext): Generator<Uint8Array, void, void> {
  begin(call, context);
  for (const [side, message] of call.messages) if (side === "reply") yield fromBase64(message);
  end(call, context);
}

async function* conversation(
  call: RecordedCall,
  requests: AsyncIterable<Uint8Array>,
  context: HandlerContext,
): AsyncGenerator<Uint8Array, void, void> {
  begin(call, context);
  context.sendHeaders();
  const iterator = requests[Symbol.asyncIterator]();
  for (const [side, message] of call.messages) {
    if (side === "reply") {
      yield fromBase64(message);
      continue;
    }
    const { done, value } = await iterator.next();
    if (!done && toBase64(value) === message) continue;
    throw new RpcError(
      Status.FAILED_PRECONDITION,
      `The call of ${call.path} differs from its recording: ${
        done ? "it ended early" : "another message was sent"
      }`,
    );
  }
  end(call, context);
}

function begin(call: RecordedCall, context: HandlerContext): void {
  addTo(context.responseHeaders, metadataOf(call.headers));
}

/** Sets the trailers, and throws the recorded status unless it is OK. */
function end(call: RecordedCall, context: HandlerContext): void {
  const { code, message, details } = call.status;
  if (code === Status.OK) return addTo(context.responseTrailers, metadataOf(call.trailers));
  throw new RpcError(code as Status, message, {
    metadata: metadataOf(call.trailers),
    details: details.map(([typeUrl, value]) => ({ typeUrl, value: fromBase64(value) })),
  });
}

function addTo(metadata: Metadata, added: Metadata): void {
  for (const [key, value] of added) metadata.append(key, value);
}
