/**
 * Forced shutdown with the status of grpc-js.
 *
 * @module
 */

import { Status } from "../call/status.ts";
import type { Server } from "../rpc/server/server.ts";

/** Stops listening, ends open calls with CANCELLED, and closes the server. */
export async function forceShutdown(server: Server): Promise<void> {
  void server.shutdown({ graceMs: Infinity });
  await server.drain({ graceMs: 0, status: Status.CANCELLED });
  await server.close();
}
