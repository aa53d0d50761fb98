/**
 * The inside of a worker of a {@link WorkerPool}.
 *
 * @module
 */

import { setPriority } from "node:os";
import { Metadata } from "../../call/metadata.ts";
import { Status } from "../../call/status.ts";
import type { ServerCall, ServerCallSink } from "../../call/wire.ts";
import { CallHost } from "../server/call_host.ts";
import { systemClock } from "../core/system_clock.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import { DeadlineQueue } from "../core/deadline_queue.ts";
import { Router } from "../dispatch/router.ts";
import type { FromWorker, PostedMetadata, ToWorker } from "./messages.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  close(): void;
}

/** Options of {@link serveWorker}. */
export interface ServeWorkerOptions {
  /**
   * How far the worker's thread stands back for others, 0 to 19 (Linux niceness), so that the thread that
   * reads and writes is not kept from its processor. Needs `--allow-sys=setPriority`; without it nothing
   * changes. Default 10.
   */
  niceness?: number;
}

/**
 * Call it once in a worker's module: the pool's calls go to the methods that `configure` registers (as for
 * `serve`; usually the same function). `init` is what the pool was given for its workers.
 *
 * ```ts ignore
 * // crypto_worker.ts
 * serveWorker((router) => addCrypto(router));
 * ```
 */
export function serveWorker(
  configure: (router: Router, init: unknown) => void | Promise<void>,
  options: ServeWorkerOptions = {},
): void {
  lowerPriority(options.niceness ?? 10);
  const scope = globalThis as unknown as WorkerScope;
  const calls = new Map<number, WorkerCall>();
  const router = new Router();
  const host = new CallHost({
    dispatcher: router.registry,
    clock: systemClock,
    deadlines: new DeadlineQueue(systemClock),
    compress: false,
    maxReceiveMessageBytes: 0xffffffff,
  });
  const fail = (reason: string) => scope.postMessage({ kind: "failed", reason });
  reportExits(scope, fail);
  let ready: Promise<void> = Promise.resolve();
  scope.onmessage = async ({ data }) => {
    if (data.kind === "init") {
      // Calls wait for it: they come right behind.
      ready = (async () => await configure(router, data.init))();
      try {
        await ready;
        scope.postMessage({ kind: "ready" });
      } catch (error) {
        fail(`the worker can't start: ${(error as Error)?.message ?? error}`);
      }
    } else if (data.kind === "cancel") {
      calls.get(data.id)?.cancel();
    } else {
      const call = new WorkerCall(data, (message, transfer) => {
        calls.delete(data.id);
        scope.postMessage(message, transfer);
      });
      calls.set(data.id, call);
      try {
        await ready;
      } catch {
        return;
      }
      const connection: CallConnection = {
        peer: data.peer,
        wire: data.wire,
        clock: systemClock,
        lastCancelError: undefined,
      };
      if (!call.closed) host.accept(call, connection);
      if (!call.closed) call.sink.onMessage(data.payload, false);
      if (!call.closed) call.sink.onHalfClose();
    }
  };
}

function lowerPriority(niceness: number): void {
  // Only on Linux it concerns the calling thread alone. Asked first, because using it might prompt.
  if (niceness === 0 || Deno.build.os !== "linux") return;
  const permission = Deno.permissions.querySync({ name: "sys", kind: "setPriority" });
  if (permission.state === "granted") setPriority(0, niceness);
}

/** The pool gets no event when a worker ends itself. */
function reportExits(scope: WorkerScope, fail: (reason: string) => void): void {
  const close = scope.close.bind(scope);
  scope.close = () => {
    fail("the worker closed itself");
    close();
  };
  const exit = Deno.exit;
  Deno.exit = (code) => {
    fail("the worker exited");
    return exit(code);
  };
}

const NO_SINK: ServerCallSink = {
  onMessage() {},
  onHalfClose() {},
  onCancel() {},
  onWritable() {},
};

/** One call in a worker, as the rpc layer sees calls. */
class WorkerCall implements ServerCall {
  readonly path: string;
  readonly timeoutMs: number;
  readonly encoding = "identity";
  readonly acceptsGzip = false;
  readonly authority = "";
  readonly writable = true;
  readonly metadata: Metadata;
  sink: ServerCallSink = NO_SINK;
  closed = false;
  #id: number;
  #post: (message: FromWorker, transfer: Transferable[]) => void;
  #headers: Metadata | undefined;
  #payload: Uint8Array | undefined;

  constructor(
    call: Extract<ToWorker, { kind: "call" }>,
    post: (message: FromWorker, transfer: Transferable[]) => void,
  ) {
    this.path = call.path;
    this.timeoutMs = call.timeoutMs;
    this.metadata = new Metadata(call.metadata);
    this.#id = call.id;
    this.#post = post;
  }

  sendHeaders(metadata?: Metadata): void {
    this.#headers = metadata;
  }

  sendMessage(message: Uint8Array): void {
    this.#payload ??= message;
  }

  respond(message: Uint8Array): void {
    this.#payload = message;
    this.sendStatus(Status.OK, "");
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) return;
    this.closed = true;
    // A view would be posted with the whole buffer behind it.
    const payload = code === Status.OK ? this.#payload?.slice() : undefined;
    this.#post({
      kind: "reply",
      id: this.#id,
      code,
      message,
      payload,
      headers: posted(this.#headers),
      trailers: posted(trailers),
    }, payload ? [payload.buffer] : []);
  }

  setReadPaused(): void {}

  handlerDone(): void {}

  /** The caller went away; the pool still hears when the worker is free again. */
  cancel(): void {
    this.sink.onCancel(Status.CANCELLED, "The caller cancelled");
    this.sendStatus(Status.CANCELLED, "The caller cancelled");
  }
}

/** Metadata in a form that can be posted. */
export function posted(metadata: Metadata | undefined): PostedMetadata {
  return metadata ? [...metadata] : [];
}
