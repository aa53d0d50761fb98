// Our client and our server through gRPC's interoperability cases; with other implementations at the other
// end they run in `deno task conformance`.

import { connect, serve } from "../../../mod.ts";
import { CASES } from "./cases.ts";
import { COMPRESSION_CASES } from "./compression_cases.ts";
import { addTestService } from "./service.ts";

Deno.test("interoperability cases, ours at both ends", async (t) => {
  await using server = await serve("127.0.0.1:0", addTestService);
  await using channel = connect(server.addresses[0]);
  for (const [name, run] of Object.entries({ ...CASES, ...COMPRESSION_CASES })) {
    await t.step(name, () => run(channel));
  }
});
