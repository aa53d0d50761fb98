/**
 * Graceful restart: a new server takes over the address of an old one, and no call is lost.
 *
 *     deno run -A examples/graceful_restart/main.ts
 *
 * With `reusePort` both listen on the port for a moment. In practice these are two processes, and SIGTERM makes the old
 * one call `shutdown`.
 *
 * @module
 */

import { connect, type Router, serve, type Server, textCodec } from "@vrpc/vrpc";

const started = Promise.withResolvers<void>();
const finish = Promise.withResolvers<void>();

const addVersion = (version: number) => (router: Router) => {
  router.method("/version", { responseCodec: textCodec }, () => `version ${version}`);
  router.method("/long", { responseCodec: textCodec }, async () => {
    started.resolve();
    await finish.promise;
    return `finished by version ${version}`;
  });
};
const start = (address: string, version: number): Promise<Server> =>
  serve(address, addVersion(version), { reusePort: true }); // needs --unstable-net

const old = await start("127.0.0.1:0", 1);
const [address] = old.addresses;
await using channel = connect(address);
const call = async (path: string) =>
  new TextDecoder().decode(await channel.call(path, new Uint8Array()));

// A client that calls without pause.
const answers: Record<string, number> = {};
let failed = 0;
let stop = false;
const calling = (async () => {
  while (!stop) {
    await call("/version").then(
      (version) => answers[version] = (answers[version] ?? 0) + 1,
      () => failed++,
    );
  }
})();

const long = call("/long"); // is in flight during all of it
await started.promise;

await using next = await start(address, 2); // first the new server …
// … then the old one ends: it stops listening, sends GOAWAY and lets calls in flight finish.
const ended = old.shutdown({ graceMs: 30_000 });
while (answers["version 2"] === undefined) await call("/version");
finish.resolve();
console.log(`the long call: ${await long}`);
await ended;
stop = true;
await calling;

console.log(`answered by: ${Object.keys(answers).join(", ")}`);
console.log(`failed: ${failed}`);
console.log(`open connections of the new server: ${next.stats().connections.open}`);
