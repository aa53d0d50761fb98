import assert from "node:assert/strict";
import { abortSafely, newAbortController } from "../../../src/rpc/core/abort.ts";

Deno.test("what a listener throws goes to the callback; the other listeners run", () => {
  const controller = newAbortController();
  const seen: unknown[] = [];
  controller.signal.addEventListener("abort", () => {
    throw new Error("a listener");
  });
  controller.signal.addEventListener("abort", () => seen.push("second"));
  abortSafely(controller, "why", (error) => seen.push(`${error}`));
  assert.deepEqual(seen, ["Error: a listener", "second"]);
  assert.equal(controller.signal.reason, "why");
});

Deno.test("what a listener of a derived signal throws goes to the callback", () => {
  const controller = newAbortController();
  const seen: unknown[] = [];
  AbortSignal.any([controller.signal]).addEventListener("abort", () => {
    throw "a listener of a derived signal";
  });
  abortSafely(controller, "why", (error) => seen.push(`${error}`));
  assert.deepEqual(seen, ["a listener of a derived signal"]);
});

Deno.test("errors outside of the abort are not taken for a listener's", () => {
  const controller = newAbortController();
  abortSafely(controller, "why", () => assert.fail("no listener has thrown"));
  const seen: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    seen.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  try {
    reportError("another");
  } finally {
    globalThis.removeEventListener("error", onError);
  }
  assert.deepEqual(seen, ["another"]);
});
