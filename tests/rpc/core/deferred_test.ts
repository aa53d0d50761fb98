import assert from "node:assert/strict";
import { deferred } from "../../../src/rpc/core/deferred.ts";

Deno.test("deferred: settles from outside, once", async () => {
  const good = deferred<number>();
  good.resolve(1);
  good.resolve(2);
  assert.equal(await good.promise, 1);
  const bad = deferred<number>();
  bad.reject(new Error("no"));
  await assert.rejects(bad.promise, /^Error: no$/);
});
