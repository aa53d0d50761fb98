import assert from "node:assert/strict";
import { type Linked, LinkedList } from "../../../src/rpc/http/linked_list.ts";

class Entry implements Linked<Entry> {
  previous: Entry | null = null;
  next: Entry | null = null;
  constructor(readonly name: string) {}
}

Deno.test("LinkedList keeps the order of adding and moving", () => {
  const list = new LinkedList<Entry>();
  const [a, b, c, d] = [..."abcd"].map((name) => new Entry(name));
  const names = () => list.snapshot().map(({ name }) => name).join("");
  assert.equal(list.first, null);
  assert.equal(list.remove(a), false);
  for (const entry of [a, b, c]) list.add(entry);
  assert.equal(names(), "abc");
  list.moveToEnd(a);
  assert.equal(names(), "bca");
  list.moveToEnd(a);
  list.moveToEnd(d);
  assert.equal(names(), "bca");
  assert.equal(list.remove(c), true);
  assert.equal(list.remove(c), false);
  assert.equal(names(), "ba");
  assert.equal(list.size, 2);
  list.add(d);
  assert.equal(list.remove(b), true);
  assert.equal(list.first, a);
  assert.equal(list.remove(a), true);
  assert.equal(list.remove(d), true);
  assert.equal(list.size, 0);
  assert.equal(list.first, null);
});
