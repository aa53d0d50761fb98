import assert from "node:assert/strict";
import { RpcError, Status } from "../../../mod.ts";
import { parseCapabilities } from "../../../src/rpc/channel/capabilities.ts";

const parse = (json: string) => parseCapabilities(new TextEncoder().encode(json));

Deno.test("parseCapabilities() takes every field but the name as optional", () => {
  const whole = {
    id: 3,
    name: "/a",
    description: "d",
    requestType: "A",
    responseType: "B",
    kind: "unary",
  };
  const none = { description: "", requestType: "", responseType: "", kind: "" };
  assert.deepEqual(
    parse(JSON.stringify([
      { ...whole, more: [1] },
      { name: "b", kind: 7, description: null },
      { name: "c", incoming: "X", returning: "Y" },
    ])),
    [
      whole,
      { id: 1, name: "b", ...none },
      { id: 2, name: "c", ...none, requestType: "X", responseType: "Y" },
    ],
  );
});

Deno.test("parseCapabilities() refuses what is no list, and more entries than it holds", () => {
  for (
    const [json, code, text] of [
      ["{", Status.INTERNAL, /not valid JSON/],
      ["{}", Status.INTERNAL, /not a list/],
      ["null", Status.INTERNAL, /not a list/],
      ["[1]", Status.INTERNAL, /entry 0 has no name/],
      ['[{"name":"a"},null]', Status.INTERNAL, /entry 1 has no name/],
      [`[${"{},".repeat(65_536)}{}]`, Status.RESOURCE_EXHAUSTED, /limit is 65536/],
    ] as const
  ) {
    assert.throws(() => parse(json), (error: unknown) => {
      assert.ok(error instanceof RpcError);
      assert.equal(error.code, code);
      assert.match(error.message, text);
      return true;
    });
  }
});
