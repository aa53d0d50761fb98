/**
 * Client that h2specd starts for each of its cases: makes one call to the given URL and keeps the connection open
 * for the remaining frames of the case.
 *
 * @module
 */

import { connect } from "../../../mod.ts";
import { TransportError } from "../../../src/transport/mod.ts";
import { dial } from "../../../src/transport/dial.ts";

// h2specd times out after 3 s, including the start of this process.
const CALL_MS = 1500;
// Time to react to frames after the response.
const LINGER_MS = 400;

const { hostname, port } = new URL(Deno.args[0]);
let dialled = false;
await using channel = connect(`${hostname}:${port}`, {
  // Prevents a reconnect, which h2specd would take for another run of its case.
  dial(address, options) {
    if (dialled) return Promise.reject(new TransportError("One connection is enough"));
    dialled = true;
    return dial(address, options);
  },
});
await channel.call("/h2spec.Service/Method", new Uint8Array(5), { timeoutMs: CALL_MS })
  .catch(() => {});
await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
