/**
 * Code that runs inside a worker of a {@link WorkerPool}.
 *
 * @module
 */

import { platform, setPriority } from "node:os";
import { ENCODINGS } from "../../call/encodings.ts";
import { textOf } from "../../errors.ts";
import { checkFunctions } from "../../limits/ranges.ts";
import { MemoryPool, MemoryShare } from "../../limits/memory_pool.ts";
import { runtime } from "../../runtime/mod.ts";
import { CallHost } from "../server/call_host.ts";
import { systemClock } from "../core/system_clock.ts";
import type { CallConnection } from "../dispatch/call_context.ts";
import { HandlerSlots } from "../dispatch/handler_slots.ts";
import { DeadlineQueue } from "../core/deadline_queue.ts";
import { OpenCalls } from "../core/open_calls.ts";
import { Router } from "../dispatch/router.ts";
import { WorkerCall } from "./call.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

// No memory limit in the worker: the server's thread has already counted and decompressed the requests.
const UNBOUNDED = new MemoryPool(Infinity);

/** Options of {@link serveWorker}. */
export interface ServeWorkerOptions {
  /**
   * Niceness of the worker's thread on Linux, 0 to 19: above 0 the thread that serves connections is scheduled first.
   * Needs `--allow-sys=setPriority`, no effect without it. Default 10.
   */
  niceness?: number;
}

/**
 * Runs the calls of a {@link WorkerPool} in this worker. Call it once in the worker's module. `configure` registers the
 * methods, as for `serve` (usually the same function); `init` is the pool's option of that name.
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
  checkFunctions("configure", [configure]);
  lowerPriority(options.niceness ?? 10);
  const scope = runtime.workerScope();
  const post = (message: FromWorker, transfer?: Transferable[]) =>
    scope.postMessage(message, transfer);
  const calls = new Map<number, WorkerCall>();
  const router = new Router();
  const host: CallHost = new CallHost({
    dispatcher: router.registry,
    clock: systemClock,
    deadlines: new DeadlineQueue(systemClock, (error) => logFailure(host, error)),
    compress: false,
    maxReceiveMessageBytes: 0xffffffff,
  });
  const fail = (reason: string) => post({ kind: "failed", reason });
  scope.onExit(fail);
  let ready: Promise<void> = Promise.resolve();
  const lifelines: MessagePort[] = [];
  scope.onMessage(async (message) => {
    const data = message as ToWorker;
    if (data.kind === "init") {
      lifelines.push(data.lifeline);
      // Calls that arrive while `configure` is pending await this promise.
      ready = (async () => {
        await configure(router, data.init);
        await router.added();
      })();
      try {
        await ready;
        post({ kind: "ready" });
      } catch (error) {
        fail(`the worker cannot start: ${textOf(error)}`);
      }
    } else if (data.kind === "cancel") {
      calls.get(data.id)?.cancel();
    } else {
      const call = new WorkerCall(data, (message, transfer) => {
        calls.delete(data.id);
        post(message, transfer);
      });
      calls.set(data.id, call);
      try {
        await ready;
      } catch {
        return;
      }
      if (!call.closed) host.accept(call, connectionOf(data, host));
      if (!call.closed) call.sink.onMessage(data.payload, false);
      if (!call.closed) call.sink.onHalfClose();
    }
  });
}

/** Returns the connection of one call: the server's thread bounds its memory and handlers. */
function connectionOf(call: Extract<ToWorker, { kind: "call" }>, host: CallHost): CallConnection {
  return {
    peer: call.peer,
    wire: call.wire,
    clock: systemClock,
    memory: new MemoryShare(UNBOUNDED),
    handlers: new HandlerSlots(Infinity),
    encodings: ENCODINGS,
    lastCancelError: undefined,
    calls: new OpenCalls(),
    fail: (error) => logFailure(host, error),
  };
}

function logFailure(host: CallHost, error: unknown): void {
  host.failures.error("A call of a worker failed: {error}", { error });
}

function lowerPriority(niceness: number): void {
  // Only Linux has a niceness per thread; elsewhere `setPriority` changes the whole process.
  if (niceness === 0 || platform() !== "linux") return;
  if (runtime.allows("setPriority")) setPriority(0, niceness);
}
