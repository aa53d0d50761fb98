import assert from "node:assert/strict";
import { join } from "node:path";
import { importedModules } from "../fixtures/imported_modules.ts";

const ROOT = join(import.meta.dirname!, "../..");

/** Modules of Node that take Deno 2.9 under 1 ms once a package was loaded; node:crypto and node:zlib take 15 and 20 ms. */
const LIGHT = ["async_hooks", "buffer", "os", "path", "timers", "util"].map((name) =>
  `node:${name}`
);

/** Programs, and the packages that each loads with its start. commander is CommonJS, whose loader takes 25 ms. */
const PACKAGES: Record<string, string[]> = {
  "mod.ts": ["@bufbuild/protobuf", "@logtape/logtape"],
  "src/rpc/server/server.ts": ["@bufbuild/protobuf", "@logtape/logtape"],
  "cmd/server.ts": ["@bufbuild/protobuf", "@logtape/logtape", "commander"],
  "cmd/shared/serving.ts": ["@bufbuild/protobuf", "@logtape/logtape"],
};

for (const [entry, packages] of Object.entries(PACKAGES)) {
  Deno.test(`${entry} loads no slow module of Node and no package that its start does not need`, async () => {
    const modules = await importedModules(join(ROOT, entry), { dynamic: false });
    assert.ok(modules.length > 30, `${modules.length}`);
    const ofNode = modules.filter((name) => name.startsWith("node:"));
    assert.deepEqual(ofNode.filter((name) => !LIGHT.includes(name)), []);
    const ofNpm = modules.filter((name) => name.startsWith("npm:"))
      .map((name) => /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(name)![1]);
    assert.deepEqual([...new Set(ofNpm)].sort(), packages);
  });
}
