/**
 * Batching: unary calls that are made in the same turn of the event loop share messages of one stream.
 *
 *     deno run -A examples/batching/main.ts
 *
 * @module
 */

import { connect, RpcError, serve, Status } from "@vrpc/vrpc";
import { addBatch } from "@vrpc/vrpc/batch";

const wires = new Set<string>();

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/half", {}, ([n], context) => {
    wires.add(context.wire);
    if (n % 2 === 1) throw new RpcError(Status.INVALID_ARGUMENT, `${n} is odd`);
    return new Uint8Array([n / 2]);
  });
  addBatch(router);
});

for (const batch of [false, true]) {
  await using channel = connect(server.addresses[0], { batch });
  await channel.ready();
  wires.clear();
  const before = server.stats().calls.started;

  // Nothing changes for callers and handlers: each call has its own deadline, status and reply.
  const calls = Array.from({ length: 8 }, (_, n) => channel.call("/half", new Uint8Array([n])));
  const outcomes = await Promise.allSettled(calls);

  const texts = outcomes.map((one) =>
    one.status === "fulfilled" ? one.value[0] : one.reason.codeName
  );
  console.log(`batch: ${batch}`);
  console.log(`  ${texts.join(" ")}`);
  console.log(
    `  wire of the calls: ${[...wires].join()}; batched: ${channel.stats().batchedCalls}`,
  );
  // With batching, one of them is the stream that carries the others.
  console.log(`  calls on the server: ${server.stats().calls.started - before}`);
}
