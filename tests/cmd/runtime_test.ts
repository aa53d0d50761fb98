import assert from "node:assert/strict";
import { runtimeText, sharesPorts } from "../../cmd/shared/runtime.ts";

const DENO = { deno: "2.9.6", node: "24.12.0", v8: "14.9" };
const BUN = { bun: "1.4.5", node: "24.3.0" };

Deno.test("the runtime is named with its engine", () => {
  assert.equal(runtimeText(DENO), "Deno 2.9.6, V8 14.9");
  assert.equal(runtimeText({ node: "20.20.2", v8: "11.3" }), "Node 20.20.2, V8 11.3");
  assert.equal(runtimeText(BUN), "Bun 1.4.5");
});

Deno.test("threads share ports on Deno, and on Node from 22.12 on", () => {
  const nodes = ["20.20.2", "22.11.0", "22.12.0", "24.0.0"].map((node) => ({ node }));
  assert.deepEqual([DENO, BUN, ...nodes].map((one) => sharesPorts(one)), [
    ...[true, false],
    ...[false, false, true, true],
  ]);
});
