/**
 * Runs in the guest: serves the checked methods on every CID, calls those of the host, and ends on request.
 *
 * @module
 */

import { connect, serve } from "../../../mod.ts";
import { addChecked, runChecks } from "./checks.ts";

const over = Promise.withResolvers<void>();
const server = await serve("vsock:any:5000", (router) => {
  addChecked(router);
  router.method("/check/quit", {}, (_, ctx) => {
    console.log(`guest: told to quit by ${ctx.peer.address}, CID ${ctx.peer.vsockCid}`);
    over.resolve();
    return new Uint8Array(0);
  });
});
console.log(`guest: listening ${server.addresses[0]}`);

let failed = 0;
for (const wire of ["grpc", "lean"] as const) {
  const channel = connect("vsock:2:6000", { wire });
  failed += await runChecks(`guest to host, ${wire}`, channel);
  await channel.close();
}
const host = connect("vsock:2:6000");
await host.call("/check/guest-done", new TextEncoder().encode(`${failed}`));
await host.close();
await over.promise;
await server.shutdown({ graceMs: 500 });
Deno.exit(failed === 0 ? 0 : 1);
