/**
 * Scope of a Web Worker.
 *
 * @module
 */

import type { WorkerScope } from "../types.ts";

/** Members of a worker's global scope that are used here. */
interface WebScope {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  close(): void;
}

/** Returns the scope of the worker that this thread is. */
export function webWorkerScope(): WorkerScope {
  const scope = globalThis as unknown as WebScope;
  return {
    postMessage: (message, transfer) => scope.postMessage(message, transfer),
    onMessage(callback) {
      scope.onmessage = ({ data }) => callback(data);
    },
    // The worker's creator gets no event for `close` and `Deno.exit`.
    onExit(callback) {
      const close = scope.close.bind(scope);
      scope.close = () => {
        callback("the worker closed itself");
        close();
      };
      const exit = Deno.exit;
      Deno.exit = (code) => {
        callback("the worker exited");
        return exit(code);
      };
    },
  };
}
