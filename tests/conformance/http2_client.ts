/**
 * The client that h2specd starts for each of its cases: makes one call to the URL given, and keeps the
 * connection until the other end has seen enough of it.
 *
 * @module
 */

import { connect } from "../../mod.ts";

// h2specd gives up after 3 s, start of this process included.
const CALL_MS = 1500;
// Time for the connection to answer what the other end sent behind its response.
const LINGER_MS = 400;

const { hostname, port } = new URL(Deno.args[0]);
await using channel = connect(`${hostname}:${port}`);
await channel.call("/h2spec.Service/Method", new Uint8Array(5), { timeoutMs: CALL_MS })
  .catch(() => {});
await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
