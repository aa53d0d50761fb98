import assert from "node:assert/strict";
import {
  currentContext,
  runWithContext,
  trackContexts,
} from "../../../src/rpc/core/current_context.ts";
import type { HandlerContext } from "../../../src/rpc/core/types.ts";

// Identity is all that is looked at.
const context = {} as HandlerContext;

Deno.test("currentContext() is the context that this code and its async work run with", async () => {
  trackContexts();
  assert.equal(currentContext(), undefined);
  await runWithContext(context, async () => {
    assert.equal(currentContext(), context);
    await Promise.resolve();
    assert.equal(currentContext(), context);
    const inner = {} as HandlerContext;
    runWithContext(inner, () => assert.equal(currentContext(), inner));
    assert.equal(currentContext(), context);
  });
  assert.equal(currentContext(), undefined);
});

Deno.test("runWithContext() returns or throws as its body does", () => {
  assert.equal(runWithContext(context, () => 5), 5);
  assert.throws(() =>
    runWithContext(context, () => {
      throw new RangeError("no");
    }), RangeError);
});
