/**
 * Unix sockets: a server for programs of the same machine, with the permissions of its file.
 *
 *     deno run -A examples/unix_socket/main.ts
 *
 * @module
 */

import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, serve } from "@vrpc/vrpc";

const directory = await mkdtemp(join(tmpdir(), "vrpc-"));
const path = `${directory}/app.sock`;

// Several addresses at once, here TCP and two sockets. 0o660 lets in a group; the default is 0o600.
const server = await serve(["127.0.0.1:0", `unix:${path}`], (router) => {
  router.method("/where", {}, (_, { peer }) => new TextEncoder().encode(peer.transport));
}, { unixMode: 0o660 });

for (const address of server.addresses) {
  await using channel = connect(address);
  console.log(new TextDecoder().decode(await channel.call("/where", new Uint8Array())));
}
console.log(`mode: ${((await stat(path)).mode & 0o777).toString(8)}`);

// A socket that is in use is not taken over.
const error = await serve(`unix:${path}`, () => {}).catch((error) => error);
console.log(`a second server: ${error.name}`);

// Closing the server removes the file. One that a killed process left behind is replaced.
await server.close();
console.log(`files left: ${(await readdir(directory)).length}`);
await rm(directory, { recursive: true });
