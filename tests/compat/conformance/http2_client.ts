/**
 * The client that h2specd starts for each of its cases: makes one call to the URL given, and keeps the
 * connection until the other end has seen enough of it.
 *
 * @module
 */

import { connect } from "../../../mod.ts";
import { TransportError } from "../../../src/transport/mod.ts";
import { dial } from "../../../src/transport/dial.ts";

// h2specd gives up after 3 s, start of this process included.
const CALL_MS = 1500;
// Time for the connection to answer what the other end sent behind its response.
const LINGER_MS = 400;

const { hostname, port } = new URL(Deno.args[0]);
let dialled = false;
await using channel = connect(`${hostname}:${port}`, {
  // A channel replaces a connection that it lost; h2specd would take that for another run of its case.
  dial(address, options) {
    if (dialled) return Promise.reject(new TransportError("One connection is enough"));
    dialled = true;
    return dial(address, options);
  },
});
await channel.call("/h2spec.Service/Method", new Uint8Array(5), { timeoutMs: CALL_MS })
  .catch(() => {});
await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
