/**
 * Cancellation: by a signal, by leaving a loop, and what handlers see of it.
 *
 *     deno run -A examples/cancellation/main.ts
 *
 * @module
 */

import { EventEmitter, once } from "node:events";
import { connect, RpcError, serve } from "@vrpc/vrpc";

const NOTHING = new Uint8Array();
// What happens on the server, for the client to wait for.
const events = new EventEmitter();
const begun = once(events, "begun");
const stopped = once(events, "stopped");
const left = once(events, "left");

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/report", {}, (_, { signal }) => {
    events.emit("begun");
    return new Promise<Uint8Array>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        console.log(`server: /report stops, ${signal.reason.codeName}`);
        reject(signal.reason);
        events.emit("stopped");
      });
    });
  });
  router.method("/ticks", { kind: "server_streaming" }, async function* () {
    try {
      for (let n = 1;; n++) yield new Uint8Array([n]);
    } finally {
      console.log("server: /ticks cleans up"); // also if the caller has gone
      events.emit("left");
    }
  });
});
await using channel = connect(server.addresses[0]);

// An AbortSignal ends the call here at once, and tells the server.
const controller = new AbortController();
const report = channel.call("/report", NOTHING, { signal: controller.signal });
await begun;
controller.abort();
const error = await report.catch((error) => error);
if (error instanceof RpcError) console.log(`client: /report, ${error.codeName}`);
await stopped;

// Leaving a loop over replies cancels the call.
for await (const [n] of channel.stream("/ticks", NOTHING)) {
  console.log(`client: tick ${n}`);
  if (n === 3) break;
}
await left;

// Nothing is left behind.
console.log(`calls in flight: ${channel.stats().activeCalls}`);
