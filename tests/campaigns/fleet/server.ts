// A server of the fleet: `server.ts ADDRESS`. It drains and ends at SIGTERM.
import { serve } from "../../../mod.ts";

const server = await serve(Deno.args[0], (router) => {
  router.method("/work", {}, async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return request;
  });
});
Deno.addSignalListener("SIGTERM", () => void server.shutdown({ graceMs: 10_000 }));
console.log(`listening ${server.addresses[0]}`);
await server.finished;
Deno.exit(0);
