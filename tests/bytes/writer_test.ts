import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";

Deno.test("a writer that grows to megabytes in small steps copies little", () => {
  const writer = new ByteWriter();
  let buffers = 0;
  let last = writer.buffer;
  for (let i = 0; i < 100_000; i++) {
    writer.bytes(new Uint8Array(40));
    if (writer.buffer !== last) buffers++;
    last = writer.buffer;
  }
  assert.equal(writer.length, 4_000_000);
  assert(buffers < 40, `${buffers} buffers were made`);
  writer.clear();
});
