/**
 * Deadlines: a call's time is sent along, enforced on both sides, and inherited by the calls that its handler makes.
 *
 *     deno run -A examples/deadlines/main.ts
 *
 * @module
 */

import { connect, RpcError, serve, textCodec } from "@vrpc/vrpc";

const stopped = Promise.withResolvers<void>();

await using stock = await serve("127.0.0.1:0", (router) => {
  router.method("/stock/left", { responseCodec: textCodec }, (_, context) => {
    const leftMs = context.timeRemainingMs();
    return leftMs <= 30_000 ? "at most the caller's 30 s" : "no deadline";
  });
  router.method("/stock/slow", {}, (_, { signal }) => {
    // The signal fires when the deadline passes or the caller gives up, whichever is seen first: pass it on to what the
    // handler waits for.
    return new Promise<Uint8Array>((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        stopped.resolve();
        reject(signal.reason);
      });
    });
  });
});

await using toStock = connect(stock.addresses[0]);
await using orders = await serve("127.0.0.1:0", (router) => {
  // Nothing is passed on by hand: calls made in a handler inherit what is left of its deadline.
  router.method("/orders/left", {}, (request) => toStock.call("/stock/left", request));
  router.method("/orders/detached", {}, (request) => {
    return toStock.call("/stock/left", request, { parent: null }); // may outlive its caller
  });
  router.method("/orders/slow", {}, (request) => toStock.call("/stock/slow", request));
});
await using channel = connect(orders.addresses[0]);

const NOTHING = new Uint8Array();
for (const path of ["/orders/left", "/orders/detached"]) {
  const reply = await channel.call(path, NOTHING, { timeoutMs: 30_000 });
  console.log(`${path}: ${new TextDecoder().decode(reply)}`);
}

try {
  await channel.call("/orders/slow", NOTHING, { timeoutMs: 100 });
} catch (error) {
  if (error instanceof RpcError) console.log(`/orders/slow: ${error.codeName}`);
}
await stopped.promise;
console.log("the handler behind the handler stops, too");
