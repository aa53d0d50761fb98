import assert from "node:assert/strict";
import { join } from "node:path";
import { forbiddenWords } from "../structure/rules.ts";
import { bundle } from "../compat/browser/bundle.ts";
import { importedModules } from "../fixtures/imported_modules.ts";

const ROOT = join(import.meta.dirname!, "../..");
const ENTRY = join(ROOT, "src/browser/mod.ts");
/** Largest size of the module with its imports, minified and compressed with gzip, in bytes. */
const MAX_BUNDLE_BYTES = 40_000;

Deno.test("the module for browsers loads nothing of Node and no package but protobuf-es", async () => {
  const modules = await importedModules(ENTRY, { dynamic: true });
  const files = modules.filter((name) => name.startsWith("file:"));
  assert.ok(files.length > 30, `${files.length}`);
  const others = modules.filter((name) => !name.startsWith("file:"));
  assert.ok(others.length > 0);
  for (const name of others) assert.match(name, /^npm:\/?@bufbuild\/protobuf@/);

  const sources = new Map<string, string>();
  for (const name of files) {
    sources.set(
      new URL(name).pathname.slice(ROOT.length + 1),
      await Deno.readTextFile(new URL(name)),
    );
  }
  assert.deepEqual(forbiddenWords(sources, ["Deno", "Buffer", "require"]), []);
});

Deno.test("the module for browsers is small, and generates no code", async () => {
  const script = await bundle(ENTRY, true);
  const compressed = new Response(script).body!.pipeThrough(new CompressionStream("gzip"));
  const { byteLength } = await new Response(compressed).arrayBuffer();
  assert.ok(byteLength < MAX_BUNDLE_BYTES, `${script.length} bytes, ${byteLength} compressed`);
  // A page with a Content-Security-Policy without unsafe-eval must be able to use it.
  assert.doesNotMatch(script, /new Function\(|\beval\(/);
  assert.doesNotMatch(script, /from ?"node:|require\("/);
});
