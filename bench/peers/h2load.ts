/**
 * Load of unary calls by h2load.
 *
 * @module
 */

import { fieldsOf, messageFile, type Request, unaryEcho } from "./requests.ts";
import { observed, type Sample, type Workload } from "./sample.ts";
import { run } from "./tools.ts";

/** Options of {@link h2load}. */
export interface H2loadOptions {
  /** Whether each call is timed. */
  latency?: boolean;
  /** Calls per second in total; default unlimited. */
  perSecond?: number;
  /** Whether the server speaks TLS. */
  tls?: boolean;
}

/** Creates a load of unary calls of `bytes` bytes. */
export function h2load(
  connections: number,
  streams: number,
  bytes: number,
  options: H2loadOptions = {},
): Workload["measure"] {
  return callsOf(unaryEcho(bytes), connections, streams, options);
}

/** Creates a load of unary calls of one request. */
export function callsOf(
  request: Request,
  connections: number,
  streams: number,
  options: H2loadOptions = {},
): Workload["measure"] {
  return async (server, seconds, { core }) => {
    const file = await messageFile(request);
    const log = options.latency ? await Deno.makeTempFile() : undefined;
    try {
      return await observed(server, async () => {
        const output = await run([
          ...["taskset", "-c", String(core), "h2load"],
          ...["-t", "1", "-c", String(connections), "-m", String(streams)],
          ...["-D", `${Math.round(seconds * 1000)}ms`, "-d", file],
          ...(options.perSecond ? ["--rps", String(options.perSecond / connections)] : []),
          ...fieldsOf(request).flatMap((field) => ["-H", field]),
          ...(log ? ["--log-file", log] : []),
          `${options.tls ? "https" : "http"}://${server.address}${request.path}`,
        ], { limitMs: (seconds + 30) * 1000 });
        return { ...figuresOf(output), ...(log === undefined ? {} : await latencies(log)) };
      });
    } finally {
      if (log) await Deno.remove(log);
    }
  };
}

function figuresOf(output: string) {
  const calls = Number(/, (\d+) succeeded/.exec(output)?.[1]);
  const [, time, unit] = /finished in ([\d.]+)(ms|s)/.exec(output) ?? [];
  const seconds = Number(time) / (unit === "ms" ? 1000 : 1);
  const data = Number(/\((\d+)\) data$/m.exec(output)?.[1]);
  if (!(calls > 0)) throw new Error(`h2load made no calls: ${output.slice(-500)}`);
  // h2load doesn't read the status of gRPC: a call that failed has no reply.
  if (!(data / calls > 5)) throw new Error(`the calls failed: ${data} bytes in ${calls} replies`);
  return { calls, seconds, replyBytes: Math.round(data / calls) };
}

/** Reads the log of h2load: a line per request with start, status and duration in µs. */
async function latencies(log: string): Promise<Pick<Sample, "p50Us" | "p99Us" | "p999Us">> {
  const text = await Deno.readTextFile(log);
  const times = text.trim().split("\n").map((line) => Number(line.split("\t")[2]));
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))];
  return { p50Us: at(0.5), p99Us: at(0.99), p999Us: at(0.999) };
}
