import assert from "node:assert/strict";
import { abortSafely } from "../../../src/rpc/core/abort.ts";

Deno.test("what a listener throws goes to the callback; the other listeners run", () => {
  const controller = new AbortController();
  const seen: unknown[] = [];
  controller.signal.addEventListener("abort", () => {
    throw new Error("a listener");
  });
  controller.signal.addEventListener("abort", () => seen.push("second"));
  const derived = AbortSignal.any([controller.signal]);
  derived.addEventListener("abort", () => {
    throw "a listener of a derived signal";
  });
  abortSafely(controller, "why", (error) => seen.push(`${error}`));
  assert.deepEqual(seen, ["Error: a listener", "second", "a listener of a derived signal"]);
  assert.equal(controller.signal.reason, "why");
});

Deno.test("errors outside of the abort are not taken for a listener's", () => {
  const controller = new AbortController();
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
