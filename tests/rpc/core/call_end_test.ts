import assert from "node:assert/strict";
import { RpcError, Status } from "../../../mod.ts";
import { onCallEnd } from "../../../src/rpc/core/call_end.ts";
import type { HandlerContext } from "../../../src/rpc/core/types.ts";
import { FakeCall, FakeHost } from "../../fixtures/fake_call.ts";
import { wrapContexts } from "../../fixtures/wrapped_context.ts";

Deno.test("listeners get the status that was sent, through contexts of the application's own", async () => {
  const seen: [string, Status][] = [];
  let kept!: HandlerContext;
  const host = new FakeHost((router) => {
    for (const code of [Status.OK, Status.NOT_FOUND]) {
      router.method(`/${code}`, {}, (request, context) => {
        kept = context;
        onCallEnd(context, (end) => seen.push(["first", end]));
        onCallEnd(context, (end) => seen.push(["second", end]));
        if (code !== Status.OK) throw new RpcError(code, "");
        return request;
      });
    }
  }, { dispatcher: wrapContexts() });
  await host.unary("/0", new Uint8Array());
  await host.unary("/5", new Uint8Array());
  assert.deepEqual(seen, [["first", 0], ["second", 0], ["first", 5], ["second", 5]]);
  onCallEnd(kept, (end) => seen.push(["late", end]));
  assert.deepEqual(seen.at(-1), ["late", 5]);
});

Deno.test("a listener that is added after the end of a call without values runs at once", async () => {
  let kept!: HandlerContext;
  const host = new FakeHost((router) =>
    router.method("/hold", {}, (_request, context) => {
      kept = context;
      return new Promise<Uint8Array>(() => {});
    })
  );
  host.accept(new FakeCall("/hold")).request().cancel();
  const seen: Status[] = [];
  onCallEnd(kept, (end) => seen.push(end));
  assert.deepEqual(seen, [Status.CANCELLED]);
  await Promise.resolve();
});
