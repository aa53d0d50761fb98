import assert from "node:assert/strict";
import { connect, type HandlerContext, serve } from "../../../mod.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { memoryAddress } from "../../fixtures/names.ts";

Deno.test("calls within a handler inherit its deadline, unless `parent` is given", async () => {
  const remaining = (_: Uint8Array, ctx: HandlerContext) => text(String(ctx.timeRemainingMs()));
  await using back = await serve(memoryAddress(), (router) => {
    router.method("/back", {}, remaining);
  });
  await using inner = connect(back.addresses[0]);
  await using front = await serve(memoryAddress(), (router) => {
    router.method("/front", {}, async (request, ctx) => {
      const options = {
        inherit: {},
        less: { timeoutMs: 100 },
        more: { timeoutMs: 100_000 },
        none: { parent: null },
        named: { parent: ctx },
      }[untext(request)];
      await new Promise((resolve) => setTimeout(resolve, 1));
      return await inner.call("/back", EMPTY, options);
    });
  });
  await using outer = connect(front.addresses[0]);
  const left = async (how: string, timeoutMs?: number) =>
    Number(untext(await outer.call("/front", text(how), { timeoutMs })));
  for (const how of ["inherit", "more", "named"]) {
    const ms = await left(how, 5_000);
    assert.ok(ms > 0 && ms <= 5_000, `${how}: ${ms}`);
  }
  assert.ok(await left("less", 5_000) <= 100);
  assert.equal(await left("none", 5_000), Infinity);
  assert.equal(await left("inherit"), Infinity);
});
