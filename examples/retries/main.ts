/**
 * Retries: calls that fail with certain codes are repeated, by the policy of a service config.
 *
 *     deno run -A examples/retries/main.ts
 *
 * @module
 */

import { connect, RpcError, serve, Status } from "@vrpc/vrpc";

let attempts = 0;
await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/shop.Orders/Get", {}, (request, { metadata }) => {
    // From the second attempt on, gRPC's header counts those before.
    console.log(
      `  attempt ${++attempts}, ${metadata.get("grpc-previous-rpc-attempts") ?? 0} before`,
    );
    if (attempts % 3 !== 0) throw new RpcError(Status.UNAVAILABLE, "try again");
    return request;
  });
  router.method("/shop.Orders/Refund", {}, () => {
    attempts++;
    throw new RpcError(Status.UNAVAILABLE, "try again");
  });
});

await using channel = connect(server.addresses[0], {
  serviceConfig: {
    methodConfig: [{
      // Only methods that may run twice: Refund is not one of them.
      name: [{ service: "shop.Orders", method: "Get" }],
      timeout: "30s", // for all attempts together
      retryPolicy: {
        maxAttempts: 4,
        initialBackoff: "0.01s", // doubled each time, with a random part
        maxBackoff: "1s",
        backoffMultiplier: 2,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    }],
    // When many calls fail, retries stop: they would make it worse.
    retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
  },
});

console.log("Get");
await channel.call("/shop.Orders/Get", new Uint8Array());
console.log(`  succeeded, after ${channel.stats().retries} retries`);

attempts = 0;
const error = await channel.call("/shop.Orders/Refund", new Uint8Array()).catch((error) => error);
console.log(`Refund\n  ${error.codeName} after ${attempts} attempt`);
