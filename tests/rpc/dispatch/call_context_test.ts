import assert from "node:assert/strict";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { wrapContexts, type WrappedContext } from "../../fixtures/wrapped_context.ts";

Deno.test("tightenDeadline() keeps a sooner deadline and refuses invalid timeouts", () => {
  const contexts: WrappedContext[] = [];
  const host = new FakeHost(
    (router) => router.method("/hold", {}, () => new Promise<Uint8Array>(() => {})),
    { dispatcher: wrapContexts(contexts) },
  );
  host.accept(new FakeCall("/hold", { timeoutMs: 100 })).request();
  const [context] = contexts;
  context.tightenDeadline(Infinity);
  context.tightenDeadline(200);
  assert.equal(context.timeRemainingMs(), 100);
  context.tightenDeadline(30);
  assert.equal(context.timeRemainingMs(), 30);
  for (const timeoutMs of [-1, NaN]) {
    assert.throws(() => context.tightenDeadline(timeoutMs), RangeError);
  }
});

Deno.test("context.stream is a TypeError for a method with a single reply", async () => {
  let thrown: unknown;
  const host = new FakeHost((router) =>
    router.method("/one", {}, (request, context) => {
      try {
        context.stream;
      } catch (error) {
        thrown = error;
      }
      return request;
    })
  );
  await host.unary("/one", new Uint8Array());
  assert.match(String(thrown), /^TypeError: Cannot write a stream of replies: \/one has a single/);
});
