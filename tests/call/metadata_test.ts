import assert from "node:assert/strict";
import { listBytesOf, Metadata, type MetadataValue } from "../../src/call/metadata.ts";

Deno.test("Metadata refuses what no wire carries, by a TypeError that names the key", () => {
  const bytes = new Uint8Array(1);
  for (
    const [key, value] of [
      ["te", "trailers"],
      ["Connection", "close"],
      [":path", "/"],
      ["k", "a\nb"],
      ["k", "é"],
      ["k", bytes],
      ["k-bin", "text"],
    ] as [string, MetadataValue][]
  ) {
    const named = (error: unknown) => error instanceof TypeError && error.message.includes(key);
    assert.throws(() => new Metadata({ [key]: value }), named);
    assert.throws(() => new Metadata([[key, value]]), named);
    assert.throws(() => new Metadata().set(key, value), named);
    assert.throws(() => new Metadata().append(key, value), named);
  }
  for (const value of [undefined, null, 17, {}]) {
    assert.throws(() => new Metadata().set("k", value as unknown as string), /key "k"/);
    assert.throws(() => new Metadata().set("k-bin", value as unknown as string), /key "k-bin"/);
  }
  for (const key of [undefined, null, 17]) {
    assert.throws(() => new Metadata().set(key as unknown as string, "x"), TypeError);
  }
});

Deno.test("received pairs are kept if they can be passed on", () => {
  const received = new Metadata();
  assert.equal(received.appendReceived("k", " a "), true);
  assert.equal(received.appendReceived("k", "b"), true);
  assert.equal(received.appendReceived("b-bin", Uint8Array.of(1)), true);
  const refused: [string, MetadataValue][] = [
    ["k!", "token characters"],
    ["host", "a"],
    ["k", "a\tb"],
    ["k", "\u00e9"],
    ["k", Uint8Array.of(1)],
    ["b-bin", "text"],
  ];
  for (const [key, value] of refused) assert.equal(received.appendReceived(key, value), false);
  const pairs = [["k", "a"], ["k", "b"], ["b-bin", Uint8Array.of(1)]];
  assert.deepEqual([...received], pairs);
  assert.deepEqual([...received.clone()], pairs);
  assert.deepEqual([...new Metadata(received)], pairs);
  assert.deepEqual([...new Metadata([...received])], pairs);
  const copied = new Metadata();
  for (const [key, value] of received) copied.append(key, value);
  assert.deepEqual([...copied], pairs);
});

Deno.test("a copy is independent of its original", () => {
  const original = new Metadata({ k: ["a", "b"] });
  const copy = original.clone();
  copy.append("k", "c").set("x", "y");
  assert.deepEqual([...original], [["k", "a"], ["k", "b"]]);
  assert.deepEqual(copy.getAll("k"), ["a", "b", "c"]);
});

Deno.test("checkReadable throws a TypeError that names the key of a value whose buffer was detached", () => {
  const lost = Uint8Array.of(1);
  const metadata = new Metadata([["k", "a"], ["e-bin", new Uint8Array()], ["b-bin", lost]]);
  metadata.checkReadable();
  structuredClone(lost.buffer, { transfer: [lost.buffer] });
  const error = { name: "TypeError", message: /"b-bin".*detached/ };
  assert.throws(() => metadata.checkReadable(), error);
  assert.throws(() => listBytesOf(metadata), error);
  assert.throws(() => metadata.clone(), error);
  assert.throws(() => JSON.stringify(metadata), error);
});
