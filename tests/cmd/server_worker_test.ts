import assert from "node:assert/strict";
import type { FromWorker } from "../../cmd/shared/worker_messages.ts";

Deno.test("a thread of the server that fails before it serves posts why", async () => {
  const before = Deno.env.get("VRPC_LOG_FORMAT");
  Deno.env.set("VRPC_LOG_FORMAT", "xml");
  const url = new URL("../../cmd/server/worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  try {
    const { promise, resolve, reject } = Promise.withResolvers<FromWorker>();
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
    worker.postMessage({ type: "start", settings: { metrics: true }, logLevel: "error" });
    const message = await promise;
    assert.ok(message.type === "failed", message.type);
    assert.match(message.message, /VRPC_LOG_FORMAT xml/);
  } finally {
    worker.terminate();
    if (before === undefined) Deno.env.delete("VRPC_LOG_FORMAT");
    else Deno.env.set("VRPC_LOG_FORMAT", before);
  }
});
