import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { builtinModule, findBuiltinModule } from "../../src/bytes/builtin_module.ts";

Deno.test("builtinModule() returns the module that an import returns", () => {
  assert.equal(builtinModule("node:zlib").gzipSync, zlib.gzipSync);
  assert.equal(findBuiltinModule("node:zlib")?.gzipSync, zlib.gzipSync);
});

Deno.test("without a process, as in browsers, findBuiltinModule() finds nothing and builtinModule() throws", () => {
  const found = Object.getOwnPropertyDescriptor(globalThis, "process")!;
  Object.defineProperty(globalThis, "process", { value: undefined, configurable: true });
  try {
    assert.equal(findBuiltinModule("node:zlib"), undefined);
    assert.throws(() => builtinModule("node:zlib"), /^Error: Cannot load node:zlib: the runtime/);
  } finally {
    Object.defineProperty(globalThis, "process", found);
  }
});
