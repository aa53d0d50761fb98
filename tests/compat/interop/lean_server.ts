/**
 * Lean server for clients of other implementations of version 1, over TLS with a self-signed certificate:
 *
 *     deno run -A tests/compat/interop/lean_server.ts --addr 127.0.0.1:8443
 *
 * `/echo` returns the payload, `/count` streams ten one-byte chunks, 0 to 9, `/session` returns each message of a
 * session after `re: `. Prints `listening ADDRESS`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { serve } from "../../../mod.ts";
import { selfSigned } from "../../../src/transport/certs.ts";

const { values } = parseArgs({ options: { addr: { type: "string", default: "127.0.0.1:8443" } } });
const encoder = new TextEncoder();

const server = await serve(values.addr, (router) => {
  router.method("/echo", { description: "returns the payload" }, (payload) => payload);
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
