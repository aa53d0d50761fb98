import assert from "node:assert/strict";
import { join } from "node:path";
import { Processes } from "../../fixtures/processes.ts";
import { FEATURES, tableRows } from "./features.ts";
import { builtPeer, startPeer } from "./peer.ts";
import { faultOf, writeFiles } from "./run.ts";
import { type Addresses, startOurs } from "./server.ts";

const peer = builtPeer();

async function check(
  start: (stack: AsyncDisposableStack, folder: string) => Promise<Addresses>,
  ours: boolean,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeFiles(folder);
    await using stack = new AsyncDisposableStack();
    const addresses = await start(stack, folder);
    const features = FEATURES.filter(({ oursOnly }) => ours || !oursOnly);
    const faults: string[] = [];
    // Two at a time: each starts a process.
    const left = features.values();
    const run = async () => {
      for (const feature of left) {
        const fault = await faultOf(feature, addresses, folder);
        if (fault !== undefined) faults.push(fault);
      }
    };
    await Promise.all([run(), run()]);
    assert.deepEqual(faults, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "every command of the comparison shows its feature against a server of vrpc, over TLS too",
  ignore: Deno.build.os === "windows",
  fn: () => check(startOurs, true),
});

Deno.test({
  // deno task test:command-line builds the server.
  name: "every command of the comparison shows its feature against a server of grpc-go",
  ignore: peer === undefined,
  fn: () => check((stack, folder) => startPeer(stack.use(new Processes()), peer!, folder), false),
});

Deno.test("docs/command-line.md has the comparison", async () => {
  const page = await Deno.readTextFile(join(import.meta.dirname!, "../../../docs/command-line.md"));
  const rows = page.split("\n").map((line) => line.replace(/ +/g, " "));
  for (const row of tableRows()) assert.ok(rows.includes(row), row);
});
