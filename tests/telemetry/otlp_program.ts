/**
 * Program that makes calls that succeed, fail, are retried and hedged, over balancers that eject a server, with everything
 * that the telemetry has.
 *
 * @module
 */

import {
  type Channel,
  connect,
  RpcError,
  serve,
  type Server,
  type ServiceConfig,
  Status,
} from "../../mod.ts";
import { addLoadReports } from "../../src/services/mod.ts";
import {
  callDurations,
  callRetries,
  clientMetrics,
  clientTracing,
  observeChannel,
  observeServer,
  rpcClientDurations,
  rpcServerDurations,
  serverMetrics,
  serverTracing,
} from "../../src/telemetry/mod.ts";

const message = new Uint8Array(3);

/** Starts a server, whose calls to `/test.Service/Ejected` fail if it is broken. */
async function start(broken = false): Promise<Server> {
  let calls = 0;
  return await serve("127.0.0.1:0", (router) => {
    addLoadReports(router, () => ({ applicationUtilization: 0.5, requestsPerSecond: 10 }));
    router.method("/test.Service/Echo", {}, (request) => request);
    router.method("/test.Service/Fail", {}, () => {
      throw new RpcError(Status.INTERNAL, "no");
    });
    router.method("/test.Service/Retried", {}, (request) => {
      if (calls++ === 0) throw new RpcError(Status.UNAVAILABLE, "busy");
      return request;
    });
    router.method("/test.Service/Hedged", {}, async (request, { metadata }) => {
      const first = metadata.get("grpc-previous-rpc-attempts") === undefined;
      if (first) await new Promise((resolve) => setTimeout(resolve, 200));
      return request;
    });
    router.method("/test.Service/Ejected", {}, (request) => {
      if (broken) throw new RpcError(Status.UNAVAILABLE, "broken");
      return request;
    });
  }, { observer: serverMetrics(), interceptors: [serverTracing(), rpcServerDurations()] });
}

const retryPolicy = {
  maxAttempts: 2,
  initialBackoff: "0.01s",
  maxBackoff: "0.01s",
  backoffMultiplier: 1,
  retryableStatusCodes: ["UNAVAILABLE"],
};
const hedgingPolicy = { maxAttempts: 2, hedgingDelay: "0.01s" };
const serviceConfig = {
  methodConfig: [
    { name: [{ service: "test.Service", method: "Retried" }], retryPolicy },
    { name: [{ service: "test.Service", method: "Hedged" }], hedgingPolicy },
  ],
} as ServiceConfig;

/** Options of a channel to `target`, and the target itself. */
function open(
  target: string,
  addresses: string | string[],
  balancer?: Record<string, unknown>,
): Channel {
  return connect(addresses, {
    serviceConfig,
    ...(balancer && { balancer }),
    observer: clientMetrics({ target, balancers: true }),
    interceptors: [
      clientTracing({ target }),
      callDurations({ target }),
      callRetries({ target }),
      rpcClientDurations({ target }),
    ],
  });
}

await using server = await start();
await using broken = await start(true);
using _server = observeServer(server);
{
  const target = `dns:///localhost:${server.addresses[0].split(":").at(-1)}`;
  await using channel = open(target, target);
  using _channel = observeChannel(channel, { target });
  await channel.call("/test.Service/Echo", message);
  await channel.call("/test.Service/Fail", message).catch(() => {});
  await channel.call("/test.Service/Retried", message);
  await channel.call("/test.Service/Hedged", message);
}
{
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using nowhere = open(`127.0.0.1:${port}`, `127.0.0.1:${port}`);
  await nowhere.call("/test.Service/Echo", message).catch(() => {});
}
{
  const failurePercentageEjection = { threshold: 10, minimumHosts: 1, requestVolume: 1 };
  const balanced = open("zk://fleet", [server.addresses[0], broken.addresses[0]], {
    outlier_detection: {
      interval: "0.05s",
      maxEjectionPercent: 50,
      failurePercentageEjection,
      childPolicy: [{ weighted_round_robin: { blackoutPeriod: "0s", weightUpdatePeriod: "0.1s" } }],
    },
  });
  await using _closed = balanced;
  for (let inARow = 0; inARow < 20;) {
    await balanced.call("/test.Service/Ejected", message).then(() => inARow++, () => inARow = 0);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
