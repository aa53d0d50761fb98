/**
 * Program that makes one call that succeeds and one that fails, with everything that the telemetry has.
 *
 * @module
 */

import { connect, RpcError, serve, Status } from "../../mod.ts";
import {
  callDurations,
  clientMetrics,
  clientTracing,
  rpcClientDurations,
  rpcServerDurations,
  serverMetrics,
  serverTracing,
} from "../../src/telemetry/mod.ts";

await using server = await serve("127.0.0.1:0", (router) => {
  router.method("/test.Service/Echo", {}, (request) => request);
  router.method("/test.Service/Fail", {}, () => {
    throw new RpcError(Status.INTERNAL, "no");
  });
}, { observer: serverMetrics(), interceptors: [serverTracing(), rpcServerDurations()] });
const target = `dns:///localhost:${server.addresses[0].split(":").at(-1)}`;
await using channel = connect(target, {
  observer: clientMetrics({ target }),
  interceptors: [
    clientTracing({ target }),
    callDurations({ target }),
    rpcClientDurations({ target }),
  ],
});
await channel.call("/test.Service/Echo", new Uint8Array(3));
await channel.call("/test.Service/Fail", new Uint8Array(3)).catch(() => {});
