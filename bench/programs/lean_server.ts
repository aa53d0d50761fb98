/**
 * The server that bench/programs/lean.ts measures: bench.Echo with protobuf, and `/echo` with bytes.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { serve } from "../../mod.ts";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";

const { values } = parseArgs({ options: { addr: { type: "string", default: "127.0.0.1:0" } } });
const server = await serve(values.addr, (router) => {
  router.service(Echo, { unary: (request) => request });
  router.method("/echo", { description: "returns the payload" }, (payload) => payload);
});
console.log(`listening ${server.addresses[0]}`);
