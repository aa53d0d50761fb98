/**
 * Load of unary calls over HTTP/1.1 by wrk.
 *
 * @module
 */

import { join } from "node:path";
import { fieldsOf, messageFile, type Request } from "./requests.ts";
import { observed, type Workload } from "./sample.ts";
import { HERE, run } from "./tools.ts";

/** Creates a load of one request; `depth` of them are sent at a time on each connection (RFC 9112 §9.3.2). */
export function wrk(request: Request, connections: number, depth: number): Workload["measure"] {
  return async (server, seconds, { core }) => {
    const file = await messageFile(request);
    return await observed(server, async () =>
      figuresOf(
        await run([
          ...["taskset", "-c", String(core), "wrk", "-t", "1", "-c", String(connections)],
          ...["-d", `${Math.ceil(seconds)}s`, "-s", join(HERE, "wrk.lua")],
          ...[`http://${server.address}${request.path}`, "--", file, String(depth)],
          ...fieldsOf(request).flatMap((field) => field.split(": ")),
        ], { limitMs: (seconds + 30) * 1000 }),
      ));
  };
}

function figuresOf(output: string) {
  const [calls, failed, microseconds] = ["calls", "failed", "microseconds"].map((name) =>
    Number(new RegExp(`\\b${name} (\\d+)`).exec(output)?.[1])
  );
  if (!(calls > 0)) throw new Error(`wrk made no calls: ${output.slice(-500)}`);
  if (failed !== 0) throw new Error(`${failed} of ${calls} calls failed`);
  return { calls, seconds: microseconds / 1e6 };
}
