import assert from "node:assert/strict";
import {
  insertTail,
  matchesTail,
  type Tail,
} from "../../../src/gateway/transcoding/template_tail.ts";

Deno.test("tails with a literal come first, then the end, then wildcards; longer before shorter", () => {
  const ordered = ["* * /b", "/a /b", "/a *", "/b *", "* /a", "/a", "/b", "", "* *", "*"];
  for (const order of [ordered, ordered.toReversed()]) {
    const tails: Tail<string>[] = [];
    for (const text of order) {
      const segments = text === "" ? [] : text.split(" ");
      assert.equal(insertTail(tails, segments, () => text), text);
      assert.equal(insertTail(tails, segments, () => "another"), text);
    }
    assert.deepEqual(tails.map(({ ends }) => ends), ordered);
  }
});

Deno.test("a tail is compared with the end of a path, from an index on", () => {
  const path = ["v1", "a", "b", "c"];
  assert.ok(matchesTail([], path, 4));
  assert.ok(matchesTail(["/b", "*"], path, 2));
  assert.ok(!matchesTail(["/b", "*"], path, 3));
  assert.ok(!matchesTail(["/b"], path, 0));
  assert.ok(!matchesTail(["/bc"], path, 0));
  assert.ok(!matchesTail(["*"], ["a", ""], 0));
});
