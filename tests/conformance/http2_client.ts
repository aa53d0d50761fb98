/**
 * The client that h2specd starts for each of its cases: makes one call to the URL given, and keeps the
 * connection until the other end has seen enough of it.
 *
 * @module
 */

import { connect } from "../../mod.ts";

// h2specd gives up after 3 s, start of this process included.
const LIMIT_MS = 2000;

const { hostname, port } = new URL(Deno.args[0]);
await using channel = connect(`${hostname}:${port}`);
const limit = AbortSignal.timeout(LIMIT_MS);
await channel.call("/h2spec.Service/Method", new Uint8Array(5), { signal: limit }).catch(() => {});
const closed = (async () => {
  for await (const state of channel.watchState()) {
    if (state !== "READY") break;
  }
})();
const late = new Promise((resolve) => limit.onabort = resolve);
if (!limit.aborted) await Promise.race([closed, late]);
Deno.exit(0);
