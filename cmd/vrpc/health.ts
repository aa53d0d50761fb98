/**
 * Health of a server and its services, by `grpc.health.v1.Health`.
 *
 * @module
 */

import { printableJson } from "../../src/call/printable.ts";
import type { CallOptions, Channel } from "../../mod.ts";
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Serving,
} from "../../src/services/descriptors/health.ts";
import type { Format } from "./error_text.ts";

/** What to ask. */
export interface HealthJob {
  /** Full name of a service; empty for the server. */
  readonly service: string;
  /** Whether to go on and print each change. */
  readonly watch: boolean;
  readonly format: Format;
  readonly options: CallOptions;
  /** Takes each line. Default: standard output. */
  print?(line: string): void;
}

/** Exit code while the service is not SERVING, as that of grpc-health-probe. */
const UNHEALTHY = 4;

/** Prints the status, with `watch` each one until the server ends the stream. Returns the exit code. Rejects with RpcError. */
export async function health(channel: Channel, job: HealthJob): Promise<number> {
  const client = channel.client(Health);
  const { service, options } = job;
  if (!job.watch) return shown(await client.check({ service }, options), job);
  let code = UNHEALTHY;
  for await (const reply of client.watch({ service }, options)) code = shown(reply, job);
  return code;
}

function shown({ status }: HealthCheckResponse, job: HealthJob): number {
  const { service, format, print = console.log } = job;
  const name = Serving[status] ?? String(status);
  print(format === "json" ? printableJson({ service, status: name }) : name);
  return status === Serving.SERVING ? 0 : UNHEALTHY;
}
