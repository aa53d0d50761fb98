/**
 * Server of gRPC's interoperability cases, for clients of any implementation:
 *
 *     deno run -A tests/compat/interop/server.ts --addr 127.0.0.1:10000 [--tls_cert FILE --tls_key FILE]
 *
 * Prints `listening ADDRESS` and serves until SIGTERM or SIGINT.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { serve } from "../../../mod.ts";
import { addHealth, addReflection } from "../../../src/services/mod.ts";
import { addTestService } from "./service.ts";

const { values } = parseArgs({
  options: {
    addr: { type: "string", multiple: true, default: ["127.0.0.1:10000"] },
    tls_cert: { type: "string" },
    tls_key: { type: "string" },
    tls_client_ca: { type: "string" },
  },
});

const tls = values.tls_cert && values.tls_key
  ? {
    cert: await Deno.readTextFile(values.tls_cert),
    key: await Deno.readTextFile(values.tls_key),
    clientCa: values.tls_client_ca && await Deno.readTextFile(values.tls_client_ca),
  }
  : undefined;

const server = await serve(values.addr, (router) => {
  addTestService(router);
  addHealth(router);
  addReflection(router);
}, { tls });
for (const address of server.addresses) console.log(`listening ${address}`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.addSignalListener(signal, () => server.shutdown({ graceMs: 1000 }).then(() => Deno.exit(0)));
}
await server.finished;
