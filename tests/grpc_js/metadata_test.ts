import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Metadata as WireMetadata } from "../../src/call/metadata.ts";
import { fromWire, Metadata, toWire } from "../../src/grpc_js/metadata.ts";

Deno.test("keys and values are checked with grpc-js's texts", () => {
  const metadata = new Metadata();
  assert.throws(() => metadata.set("a b", "x"), {
    message: 'Metadata key "a b" contains illegal characters',
  });
  assert.throws(() => metadata.add("key", "é"), {
    message: 'Metadata string value "é" contains illegal characters',
  });
  assert.throws(() => metadata.add("key-bin", "text"), {
    message: "keys that end with '-bin' must have Buffer values",
  });
  assert.throws(() => metadata.add("key", Buffer.from([1])), {
    message: "keys that don't end with '-bin' must have String values",
  });
});

Deno.test("get, getMap, merge, remove and clone", () => {
  const metadata = new Metadata({ waitForReady: true });
  metadata.add("Key", "a");
  metadata.add("key", "b");
  metadata.set("data-bin", Buffer.from([1, 2]));
  assert.deepEqual(metadata.get("KEY"), ["a", "b"]);
  assert.deepEqual(metadata.getMap(), { key: "a", "data-bin": Buffer.from([1, 2]) });
  const copy = metadata.clone();
  (copy.get("data-bin")[0] as Buffer)[0] = 9;
  copy.remove("key");
  assert.deepEqual(metadata.get("data-bin"), [Buffer.from([1, 2])]);
  assert.deepEqual(copy.get("key"), []);
  assert.deepEqual(copy.getOptions(), { waitForReady: true });
  copy.merge(metadata);
  assert.equal(copy.get("data-bin").length, 2);
  assert.deepEqual(metadata.toJSON().key, ["a", "b"]);
});

Deno.test("header fields of node:http2 are made and read", () => {
  const metadata = new Metadata();
  metadata.set("one", "1");
  metadata.add("two-bin", Buffer.from([1]));
  metadata.add("two-bin", Buffer.from([2]));
  assert.deepEqual(metadata.toHttp2Headers(), { one: "1", "two-bin": ["AQ==", "Ag=="] });
  const read = Metadata.fromHttp2Headers({ ":status": "200", one: "1", "two-bin": "AQ==, Ag==" });
  assert.deepEqual(read.get("two-bin"), [Buffer.from([1]), Buffer.from([2])]);
  assert.deepEqual(read.get(":status"), []);
});

Deno.test("pairs that no wire carries are left out, all others survive the wire", () => {
  const metadata = new Metadata();
  metadata.set(":path", "/x");
  metadata.set("connection", "close");
  assert.equal(toWire(metadata), undefined);
  metadata.set("text", "a");
  metadata.set("data-bin", Buffer.from([1]));
  const wire = toWire(metadata);
  assert.ok(wire instanceof WireMetadata);
  const back = fromWire(wire);
  assert.deepEqual(back.toJSON(), { text: ["a"], "data-bin": [Buffer.from([1])] });
  assert.ok(Buffer.isBuffer(back.get("data-bin")[0]));
});
