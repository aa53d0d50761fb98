import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { appendClose, appendFrame, Opcode } from "../../src/websocket/frame_writer.ts";
import { serverFrames } from "./frames.ts";

Deno.test("RFC 6455 §5.2: lengths have their shortest form, frames are not masked", () => {
  for (
    const [length, head] of [
      [0, [0x82, 0]],
      [125, [0x82, 125]],
      [126, [0x82, 126, 0, 126]],
      [65_535, [0x82, 126, 255, 255]],
      [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
    ] as const
  ) {
    const out = new ByteWriter();
    appendFrame(out, Opcode.BINARY, new Uint8Array(length).fill(9));
    const bytes = out.view();
    assert.deepEqual([...bytes.subarray(0, head.length)], head);
    assert.equal(bytes.length, head.length + length);
    assert.ok(bytes.subarray(head.length).every((octet) => octet === 9));
  }
});

Deno.test("RFC 6455 §5.5: the reason of a Close frame is cut to 123 bytes, at a character", () => {
  for (const [reason, expected] of [["", ""], ["bye", "bye"], ["é".repeat(80), "é".repeat(61)]]) {
    const out = new ByteWriter();
    appendClose(out, 1008, reason);
    const [{ opcode, payload }] = serverFrames(out.view());
    assert.equal(opcode, Opcode.CLOSE);
    assert.deepEqual([payload[0], payload[1]], [3, 240]);
    assert.equal(new TextDecoder().decode(payload.subarray(2)), expected);
  }
});
