import assert from "node:assert/strict";
import { Metadata } from "../../../mod.ts";
import type { HandlerContext } from "../../../src/rpc/core/types.ts";
import { assignCallId, callIdOf } from "../../../src/rpc/dispatch/call_id.ts";

const contextOf = (id?: string) =>
  ({
    metadata: new Metadata(id === undefined ? {} : { "x-request-id": id }),
    values: new Map(),
  }) as unknown as HandlerContext;

Deno.test("a call keeps the id that it was given first: the caller's if it is valid", () => {
  const context = contextOf("from-the-caller");
  assert.equal(callIdOf(context), undefined);
  assert.equal(assignCallId(context), "from-the-caller");
  assert.equal(assignCallId(context, null), "from-the-caller");
  assert.equal(callIdOf(context), "from-the-caller");
});

Deno.test("without a valid id of the caller's, or when that is ignored, it is a random UUID", () => {
  for (const context of [contextOf(), contextOf("a b"), contextOf("x".repeat(65))]) {
    assert.match(assignCallId(context), /^[\da-f-]{36}$/);
  }
  assert.match(assignCallId(contextOf("valid"), null), /^[\da-f-]{36}$/);
});
