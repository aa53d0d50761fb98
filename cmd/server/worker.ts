/**
 * Thread of the server program.
 *
 * @module
 */

import type { Server } from "../../mod.ts";
import type { CryptoKeys } from "../../src/services/mod.ts";
import { logToStderr } from "../shared/logging.ts";
import { threadMetrics } from "../shared/lazy_metrics.ts";
import type { ThreadMetrics } from "../shared/metrics.ts";
import { errorLine } from "../shared/program.ts";
import { startServing } from "../shared/serving.ts";
import type { FromWorker, ToWorker } from "../shared/worker_messages.ts";

/** Subset of a dedicated worker's global scope. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
  close(): void;
}

const scope = globalThis as unknown as WorkerScope;
const keys = Promise.withResolvers<CryptoKeys>();
let metrics: Promise<ThreadMetrics> | undefined;
let server: Promise<Server> | undefined;

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      server = start(data);
      // The failure was posted.
      server.catch(() => {});
      break;
    case "keys":
      keys.resolve(data.keys);
      break;
    case "measure":
      measure(data.id);
      break;
    case "shutdown":
      shutdown(data.graceMs);
      break;
  }
};

async function start({ settings, logLevel }: ToWorker & { type: "start" }): Promise<Server> {
  try {
    metrics = settings.metrics ? threadMetrics() : undefined;
    await logToStderr(logLevel);
    const started = await startServing(settings, keys.promise, await metrics);
    scope.postMessage({ type: "listening", addresses: started.addresses });
    return started;
  } catch (error) {
    scope.postMessage({ type: "failed", message: errorLine(error) });
    throw error;
  }
}

async function measure(id: number): Promise<void> {
  scope.postMessage({ type: "measured", id, measured: await (await metrics)?.collect() ?? [] });
}

async function shutdown(graceMs: number): Promise<void> {
  await server?.then((started) => started.shutdown({ graceMs }), () => {});
  scope.postMessage({ type: "finished" });
  scope.close();
}
