import assert from "node:assert/strict";
import type { LogRecord } from "@logtape/logtape";
import { RecordQueue } from "../../../src/guest/logs/queue.ts";
import { MAX_TEXT_CHARS, sentRecord, sizeOf } from "../../../src/guest/logs/record.ts";

const BASE: LogRecord = {
  category: ["a"],
  level: "info",
  message: ["m"],
  rawMessage: "m",
  timestamp: 1,
  properties: {},
};

Deno.test("values of every kind are converted, and texts are cut", () => {
  const circle: Record<string, unknown> = { big: 1n };
  circle.self = circle;
  const values = ["x ", 1, " ", { a: [1] }, " ", new TypeError("no"), " ", undefined, " ", circle];
  const { message } = sentRecord({ ...BASE, message: values });
  assert.match(
    message,
    /^x 1 \{"a":\[1\]\} TypeError: no[^]* undefined \{"big":"1","self":"\[seen/,
  );
  const thrower = {
    toJSON() {
      throw new Error("no");
    },
  };
  assert.equal(sentRecord({ ...BASE, properties: { thrower } }).properties, "");
  assert.equal(sentRecord({ ...BASE, properties: { a: 1 } }).properties, '{"a":1}');
  const long = "x".repeat(100_000);
  const cut = sentRecord({ ...BASE, message: [long], properties: { long }, category: [long] });
  assert.equal(cut.message.length, MAX_TEXT_CHARS);
  assert.equal(cut.properties, "");
  assert.equal(cut.category[0].length, 128);
  const raw = Object.assign(["a ", " b"], { raw: ["a ", " b"] });
  assert.equal(sentRecord({ ...BASE, rawMessage: raw }).template, "a {} b");
});

Deno.test("a queue holds so many records and bytes, and counts the others", () => {
  const record = sentRecord(BASE);
  const queue = new RecordQueue({ maxRecords: 3, maxBytes: 1_000_000 });
  for (let i = 0; i < 5; i++) queue.add(record);
  assert.equal(queue.length, 3);
  assert.equal(queue.dropped, 2);
  assert.equal(queue.take(2, 1_000_000).length, 2);
  assert.equal(queue.take(2, 1).length, 1, "one at least");
  assert.equal(queue.take(2, 1).length, 0);
  const small = new RecordQueue({ maxRecords: 100, maxBytes: sizeOf(record) * 2 });
  for (let i = 0; i < 5; i++) small.add(record);
  assert.equal(small.length, 2);
  small.take(100, sizeOf(record));
  small.add(record);
  assert.equal(small.length, 2);
});
