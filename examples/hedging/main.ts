/**
 * Hedging: a call that is slow is sent again, to another server, and the first reply counts.
 *
 *     deno run -A examples/hedging/main.ts
 *
 * @module
 */

import { EventEmitter, once } from "node:events";
import { connect, type Router, serve, textCodec } from "@vrpc/vrpc";

const attempts = new EventEmitter();
const cancelled = once(attempts, "cancelled");
let calls = 0;

function addGet(router: Router): void {
  router.method("/shop.Orders/Get", { responseCodec: textCodec }, (_, { signal }) => {
    if (++calls > 1) return "reply of the second attempt";
    // The first attempt meets a server that hangs. It is cancelled once another one has answered.
    return new Promise<string>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        attempts.emit("cancelled", signal.reason.codeName);
        reject(signal.reason);
      });
    });
  });
}

await using one = await serve("127.0.0.1:0", addGet);
await using two = await serve("127.0.0.1:0", addGet);

await using channel = connect([one.addresses[0], two.addresses[0]], {
  balancer: "round_robin",
  serviceConfig: {
    methodConfig: [{
      name: [{ service: "shop.Orders" }], // methods that may run twice
      hedgingPolicy: {
        maxAttempts: 3,
        hedgingDelay: "0.05s", // no reply by then: send it again
        nonFatalStatusCodes: ["UNAVAILABLE"],
      },
    }],
  },
});

const reply = await channel.call("/shop.Orders/Get", new Uint8Array(), { timeoutMs: 30_000 });
console.log(new TextDecoder().decode(reply));
console.log(`the first attempt ends: ${(await cancelled)[0]}`);
