import assert from "node:assert/strict";
import { RpcError, Status } from "../../mod.ts";
import { DescriptorBudget, type DescriptorLimits } from "../../src/schema/limits.ts";
import { tryEdges } from "../fixtures/option_edges.ts";

Deno.test("DescriptorBudget counts up to each limit, and refuses one more", () => {
  const budget = new DescriptorBudget({ maxBytes: 1_024, maxFiles: 2, maxElements: 3 });
  budget.takeBytes(1_024);
  budget.takeElements(3);
  budget.checkFiles(2, "files");
  assert.equal(budget.elementsLeft, 0);
  for (
    const [over, text] of [
      [() => budget.takeBytes(1), /too many bytes, limit is 1024 \(maxBytes\)/],
      [() => budget.takeElements(1), /too many elements, limit is 3 \(maxElements\)/],
      [() => budget.checkFiles(3, "services"), /too many services, limit is 2 \(maxFiles\)/],
    ] as const
  ) {
    assert.throws(over, (error: unknown) => {
      assert.ok(error instanceof RpcError);
      assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
      assert.match(error.message, text);
      return true;
    });
  }
});

Deno.test("numeric limits of descriptors have edges", () => {
  tryEdges([
    ["maxBytes", 1_024, 0x7fffffff, true],
    ["maxFiles", 1, 1_000_000, true],
    ["maxElements", 1, 100_000_000, true],
    ["maxDepth", 1, 100_000, true],
  ], (option: DescriptorLimits) => void new DescriptorBudget(option));
});
