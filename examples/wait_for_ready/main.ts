/**
 * Wait for ready: calls that are made before there is a server fail, or wait for it.
 *
 *     deno run -A examples/wait_for_ready/main.ts
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, serve, textCodec } from "@vrpc/vrpc";

const directory = await mkdtemp(join(tmpdir(), "vrpc-"));
const address = `unix:${directory}/app.sock`;
const hello = new TextEncoder().encode("hello");

await using channel = connect(address, {
  initialBackoffMs: 20, // the first wait before it connects again; later ones grow to maxBackoffMs
  maxBackoffMs: 100,
});

// There is no server yet. By default a call fails at once.
const error = await channel.call("/echo", hello).catch((error) => error);
console.log(`without waitForReady: ${error.codeName}`);

// With waitForReady it waits for a connection, up to its deadline. It is also an option of `connect`.
const waiting = channel.call("/echo", hello, { waitForReady: true, timeoutMs: 60_000 });
console.log(`waiting calls: ${channel.stats().queuedCalls}`);

const states: string[] = [];
const watching = (async () => {
  for await (const state of channel.watchState()) {
    states.push(state);
    if (state === "READY") return;
  }
})();

await using server = await serve(address, (router) => {
  router.method("/echo", { requestCodec: textCodec, responseCodec: textCodec }, (text) => text);
});
console.log(`with waitForReady: ${new TextDecoder().decode(await waiting)}`);
await watching;
console.log(`state in the end: ${states.at(-1)}`);

await server.close();
await rm(directory, { recursive: true });
