import assert from "node:assert/strict";
import { RpcError, Status } from "../../mod.ts";
import { failure } from "../../src/testing/mod.ts";

Deno.test("the RpcError of a call is what it resolves to", async () => {
  const error = new RpcError(Status.NOT_FOUND, "no such order");
  assert.equal(await failure(Promise.reject(error)), error);
});

Deno.test("a call that succeeds, or fails with something else, fails the test", async () => {
  await assert.rejects(failure(Promise.resolve(1)), /^Error: The call succeeded/);
  await assert.rejects(failure(Promise.reject(new TypeError("a bug"))), /^TypeError: a bug$/);
});
