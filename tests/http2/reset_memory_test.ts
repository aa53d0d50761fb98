import assert from "node:assert/strict";
import { ResetMemory } from "../../src/http2/reset_memory.ts";

Deno.test("ResetMemory takes late bytes off the credit that a reset stream had left", () => {
  const memory = new ResetMemory();
  assert.equal(memory.take(1, 10), "unknown");
  memory.remember(1, 25);
  assert.equal(memory.take(1, 10), "within-window");
  assert.equal(memory.take(1, 15), "within-window");
  assert.equal(memory.take(1, 1), "beyond-window");
  assert.equal(memory.take(1, 0), "beyond-window");
  assert.equal(memory.take(3, 1), "unknown");
});

Deno.test("ResetMemory remembers 256 streams, and the largest identifier of those it has forgotten", () => {
  const memory = new ResetMemory();
  for (let id = 1; id < 2 * 258; id += 2) memory.remember(id, 0);
  assert.equal(memory.take(1, 0), "unknown");
  assert.equal(memory.take(3, 0), "unknown");
  assert.equal(memory.take(5, 0), "beyond-window");
  assert(memory.mayBeForgotten(1) && memory.mayBeForgotten(3));
  assert.equal(memory.mayBeForgotten(5), false);
});
