import assert from "node:assert/strict";
import { jsonCodec } from "../../src/codec/json.ts";

Deno.test("jsonCodec() round trips values and rejects those that JSON lacks", () => {
  const codec = jsonCodec<{ a: number[] }>();
  assert.deepEqual(codec.decode(codec.encode({ a: [1, 2] })), { a: [1, 2] });
  assert.throws(() => codec.encode(undefined as never), TypeError);
  assert.throws(() => codec.decode(new Uint8Array([0xff])));
});

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("jsonCodec() refuses long JSON that takes longer than its bytes suggest", () => {
  const costly: Record<string, string> = {
    lists: `[${"[],".repeat(66_000)}1]`,
    objects: `[${"{},".repeat(66_000)}1]`,
    members: `{${Array.from({ length: 66_000 }, (_, i) => `"k${i}":1`).join()}}`,
    items: `[${"1,".repeat(600_000)}1]`,
    levels: `${"[".repeat(70_000)}${"]".repeat(70_000)}`,
  };
  for (const [name, text] of Object.entries(costly)) {
    assert.throws(() => jsonCodec().decode(utf8(text)), /JSON has|nested/, name);
    const unbounded = jsonCodec({ maxElements: Infinity }).decode(utf8(text));
    if (name !== "levels") assert.deepEqual(unbounded, JSON.parse(text), name);
  }
});

Deno.test("jsonCodec() takes long JSON within its bound, and any that is short", () => {
  const long = [
    `[${"1,".repeat(500_000)}1]`,
    `\ufeff[${"{},".repeat(50_000)}"é😀\\n"]`,
    `"${"x".repeat(200_000)}"`,
    `${" ".repeat(200_000)}1`,
    `${"[".repeat(1_000)}${"]".repeat(1_000)}`,
  ];
  for (const text of long) {
    assert.deepEqual(jsonCodec().decode(utf8(text)), JSON.parse(text.replace("\ufeff", "")));
  }
  assert.throws(() => jsonCodec({ maxElements: 10 }).decode(utf8(`[${"[],".repeat(50_000)}1]`)));
});

Deno.test("jsonCodec() is the same object each time, and checks its option", () => {
  assert.equal(jsonCodec(), jsonCodec({}));
  assert.equal(jsonCodec(), jsonCodec({ maxElements: 65_536 }));
  for (const maxElements of [0, -1, NaN, 1.5, "10" as unknown as number, null as never]) {
    assert.throws(() => jsonCodec({ maxElements }), {
      name: "RangeError",
      message: /^Cannot use maxElements .*: it must be a whole number, 1 or more$/,
    });
  }
});
