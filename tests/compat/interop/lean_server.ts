/**
 * A lean server for other implementations of version 1, behind TLS with a certificate of its own:
 *
 *     deno run -A tests/compat/interop/lean_server.ts --addr 127.0.0.1:8443
 *
 * `/echo` gives the payload back, `/count` streams ten one-byte chunks, 0 to 9, `/session` answers each
 * message of a session with the message behind `re: `. Prints `listening ADDRESS`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { serve } from "../../../mod.ts";
import { selfSigned } from "../../../src/transport/certs.ts";

const { values } = parseArgs({ options: { addr: { type: "string", default: "127.0.0.1:8443" } } });
const encoder = new TextEncoder();

const server = await serve(values.addr, (router) => {
  router.method("/echo", { description: "gives the payload back" }, (payload) => payload);
  router.method("/count", { description: "0 to 9", kind: "server_streaming" }, function* () {
    for (let i = 0; i < 10; i++) yield Uint8Array.of(i);
  });
  router.method("/session", { kind: "bidi_streaming" }, async function* (messages) {
    for await (const message of messages) {
      yield new Uint8Array([...encoder.encode("re: "), ...message]);
    }
  });
}, { tls: await selfSigned() });
for (const address of server.addresses) console.log(`listening ${address}`);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.addSignalListener(
    signal,
    () => server.shutdown({ graceMs: 1_000 }).then(() => Deno.exit(0)),
  );
}
await server.finished;
