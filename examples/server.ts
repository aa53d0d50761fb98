/**
 * A minimal lean server: TLS with a self-signed certificate, three routes, no `.proto`.
 *
 *     deno run -A examples/server.ts [ADDRESS]
 *
 * @module
 */

import { serve } from "../mod.ts";
import { selfSigned } from "../src/transport/certs.ts";

const encoder = new TextEncoder();

const tls = await selfSigned();
const server = await serve(Deno.args[0] ?? "127.0.0.1:8446", (router) => {
  router.method("/health", {
    description: "reports the health of the server",
    responseType: "JSON",
  }, () => {
    return encoder.encode(`{"status":"healthy","timestamp":${Date.now()}}`);
  });

  router.method("/echo", { description: "returns the payload" }, (payload) => payload);

  // One message per second; the payload is the number of messages, ten by default.
  router.method(
    "/stream/time",
    { description: "sends the time every second", responseType: "JSON", kind: "server_streaming" },
    async function* (payload, { signal }) {
      const count = Number(new TextDecoder().decode(payload)) || 10;
      for (let i = 1; i <= count && !signal.aborted; i++) {
        yield encoder.encode(`{"count":${i},"time":"${new Date().toISOString()}"}`);
        if (i < count) await pause(1_000, signal);
      }
    },
  );
}, { tls });

console.log(`listening ${server.addresses[0]}`);
Deno.addSignalListener("SIGINT", () => server.shutdown({ graceMs: 1_000 }));
await server.finished;
Deno.exit(0);

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
