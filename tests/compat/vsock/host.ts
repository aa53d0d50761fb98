/**
 * Runs on the host of a guest whose vsock is mapped to the Unix socket `VRPC_HVSOCK`: serves the checked methods to
 * the guest, then calls those of the guest.
 *
 * @module
 */

import { connect, serve } from "../../../mod.ts";
import { addChecked, runChecks } from "./checks.ts";

const path = Deno.env.get("VRPC_HVSOCK");
if (path === undefined) throw new Error("VRPC_HVSOCK must name the device's Unix socket");

const guestDone = Promise.withResolvers<number>();
await using _server = await serve(`hvsock:${path}:6000`, (router) => {
  addChecked(router);
  router.method("/check/guest-done", {}, (payload) => {
    guestDone.resolve(Number(new TextDecoder().decode(payload as Uint8Array)));
    return new Uint8Array(0);
  });
});
console.log("host: waiting for the guest");
let failed = await guestDone.promise;
for (const wire of ["grpc", "lean"] as const) {
  const channel = connect(`hvsock:${path}:5000`, { wire });
  failed += await runChecks(`host to guest, ${wire}`, channel);
  await channel.close();
}
const channel = connect(`hvsock:${path}:5000`);
await channel.call("/check/quit", new Uint8Array(0));
await channel.close();
Deno.exitCode = failed === 0 ? 0 : 1;
