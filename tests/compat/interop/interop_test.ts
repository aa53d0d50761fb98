// Client and server of this project in gRPC's interoperability cases; `deno task conformance` runs them against other
// implementations.

import { connect, serve } from "../../../mod.ts";
import { CASES } from "./cases.ts";
import { COMPRESSION_CASES } from "./compression_cases.ts";
import { addTestService } from "./service.ts";

Deno.test("interoperability cases between our client and server", async (t) => {
  await using server = await serve("127.0.0.1:0", addTestService);
  await using channel = connect(server.addresses[0]);
  for (const [name, run] of Object.entries({ ...CASES, ...COMPRESSION_CASES })) {
    await t.step(name, () => run(channel));
  }
});
