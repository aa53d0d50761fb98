/** A server with or without batches. */

import { serve } from "../../../mod.ts";
import { addBatch } from "../../../src/rpc/batch/server.ts";
import { addMethods, Seen } from "../../calls/methods.ts";
import { memoryAddress } from "../../fixtures/names.ts";

/** Starts a server with the methods of the suite, with `addBatch` if `batches`. */
export async function startBatchServer(
  batches: boolean,
  { compress, maxConcurrentStreams, ...options }: {
    maxCalls?: number;
    compress?: boolean;
    maxConcurrentStreams?: number;
  } = {},
) {
  const seen = new Seen();
  const server = await serve(memoryAddress("batch"), (router) => {
    addMethods(router, seen);
    if (batches) addBatch(router, options);
  }, { compress, limits: { maxConcurrentStreams } });
  return { server, seen, address: server.addresses[0] };
}
