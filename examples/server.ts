/**
 * The least of a lean server: TLS with a certificate of its own, three routes, no `.proto`.
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
  router.method("/health", { description: "is it alive?", responseType: "JSON" }, () => {
    return encoder.encode(`{"status":"healthy","timestamp":${Date.now()}}`);
  });

  router.method("/echo", { description: "gives the payload back" }, (payload) => payload);

  // One message a second, at most ten; a payload of text says after how many to stop.
  router.method(
    "/stream/time",
    { description: "tells the time", responseType: "JSON", kind: "server_streaming" },
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
