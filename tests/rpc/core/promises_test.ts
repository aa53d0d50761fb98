import assert from "node:assert/strict";
import { ignoreRejection, onRejection } from "../../../src/rpc/core/promises.ts";
import { trapProxy } from "../../fixtures/misbehaviour.ts";

Deno.test("the rejection of a promise is handled, even if its then is another function", async () => {
  const seen: unknown[] = [];
  onRejection(Promise.reject("one"), (reason) => seen.push(reason));
  const odd = Object.assign(Promise.reject("two"), {
    then: () => assert.fail("must not be called"),
  });
  onRejection(odd, (reason) => seen.push(reason));
  ignoreRejection(Promise.reject("three"));
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(seen, ["one", "two"]);
});

Deno.test("other values have no effect", () => {
  for (
    const value of [undefined, null, 5, "a", {}, trapProxy(), new Proxy(Promise.resolve(), {})]
  ) {
    onRejection(value, () => assert.fail("no rejection"));
  }
});
