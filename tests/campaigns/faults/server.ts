/**
 * Server of the fault tests. Prints `ran ID` for each call before its reply, so that the test can count runs.
 * SIGTERM drains.
 */

import { parseArgs } from "node:util";
import { serve } from "../../../mod.ts";

const { values } = parseArgs({ options: { addr: { type: "string", default: "127.0.0.1:0" } } });
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function say(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

const server = await serve(values.addr, (router) => {
  router.method("/faults/echo", {}, async (request) => {
    say(`ran ${decoder.decode(request)}`);
    // Keeps some calls in flight.
    await new Promise((resolve) => setTimeout(resolve, 2));
    return request;
  });
  router.method("/faults/big", {}, (request) => {
    say(`ran ${decoder.decode(request)}`);
    return new Uint8Array(2_000_000);
  });
});
Deno.addSignalListener("SIGTERM", async () => {
  await server.shutdown({ graceMs: 5_000 });
  Deno.exit(0);
});
say(`listening ${server.addresses[0]}`);
await server.finished;
