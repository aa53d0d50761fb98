/**
 * Loads by the Go program: streams, mixed calls and many connections.
 *
 * @module
 */

import { messageFile, ordersEcho, type Request, unaryEcho } from "./requests.ts";
import { type Loaders, observed, type Sample, type Workload } from "./sample.ts";
import { clientIdentity, run, type Running } from "./tools.ts";

async function runGo(
  { core, go }: Loaders,
  seconds: number,
  kind: string,
  args: (string | number)[],
) {
  if (!go) throw new Error("needs Go, which generates this load");
  const output = await run(["taskset", "-c", String(core), go, kind, ...args.map(String)], {
    env: { GOMAXPROCS: "1" },
    limitMs: (seconds + 60) * 1000,
  });
  return JSON.parse(output);
}

/** Creates a load by grpc-go's client. */
export function goLoad(kind: string, streams: number, bytes: number): Workload["measure"] {
  return (server, seconds, tools) =>
    observed(
      server,
      () => runGo(tools, seconds, kind, [server.address, streams, seconds, bytes]),
    );
}

const files = (requests: Request[]) => Promise.all(requests.map(messageFile));

/**
 * Measures the server's capacity with 90 % small, 9 % nested and 1 % large calls, then the latency of the small ones
 * at 60 % of it.
 */
export async function mixed(server: Running, seconds: number, tools: Loaders): Promise<Sample> {
  const requests = await files([unaryEcho(64), ordersEcho(10), unaryEcho(1 << 20)]);
  return await runGo(tools, 3 * seconds, "mixed", [
    server.address,
    seconds,
    server.pid,
    ...requests,
  ]);
}

/**
 * Creates a load of calls over TLS. h2load doesn't end when connections over TLS are busy at the end of its time, and
 * counts handshakes as part of the calls.
 */
export function overTls(
  tls: "server" | "mutual",
  connections: number,
  streams: number,
): Workload["measure"] {
  return async (server, seconds, tools) =>
    await runGo(tools, seconds + 10, "tls", [
      ...[server.address, connections, streams, seconds, server.pid],
      ...await files([ordersEcho(1)]),
      ...(tls === "mutual" ? await clientIdentity() : []),
    ]);
}

/** Creates a load of calls over many connections. */
export function crowd(connections: number): Workload["measure"] {
  return async (server, seconds, tools) =>
    await runGo(tools, seconds + 60, "crowd", [
      server.address,
      connections,
      seconds,
      server.pid,
      ...await files([unaryEcho(64)]),
    ]);
}
