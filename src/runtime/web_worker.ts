/**
 * Web Workers, as their creator sees them.
 *
 * @module
 */

import type { RuntimeWorker, WorkerEvents } from "./types.ts";

/** Members of a Web Worker that are used here. */
interface WebWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onmessageerror: (() => void) | null;
  onerror: ((event: { readonly message: string; preventDefault(): void }) => void) | null;
}

/** Reports what a worker posts, and its errors. */
export function attachWebWorker(worker: RuntimeWorker, events: WorkerEvents): void {
  const web = worker as unknown as WebWorker;
  web.onmessage = ({ data }) => events.onMessage(data);
  web.onmessageerror = () => events.onError("a message could not be deserialized");
  web.onerror = (event) => {
    // An error event that is not prevented ends the process.
    event.preventDefault();
    events.onError(event.message);
  };
}
