/**
 * Runs every command of the comparison with grpcurl, evans and `buf curl` against servers of vrpc and of grpc-go, which is
 * built first; needs Go.
 *
 *     deno task test:command-line
 *
 * @module
 */

import { buildPeer } from "./peer.ts";

await buildPeer();
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", import.meta.dirname!],
}).spawn().status;
Deno.exit(code);
