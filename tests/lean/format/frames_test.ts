import assert from "node:assert/strict";
import { ByteWriter } from "../../../src/bytes/writer.ts";
import {
  Control,
  idHigh,
  MAX_CALL_ID,
  readId,
  REQUEST,
  STREAM,
  writeControl,
  writeHeader,
  writeU64,
} from "../../../src/lean/format/frames.ts";
import { hex } from "../harness.ts";

Deno.test("writeHeader() and writeControl() encode the layout of frames", () => {
  const out = new ByteWriter();
  writeHeader(out, REQUEST | STREAM, 0x01020304, 0x85060708, 5, 6);
  writeControl(out, Control.CREDIT, 2 ** 32 + 1, 4);
  assert.deepEqual(
    out.view(),
    hex("01 05 0102030485060708 0005 00000006" + "01 00 0000000100000001 0001 00000004 02"),
  );
});

Deno.test("readId() undoes writeU64() up to the largest call id", () => {
  for (const id of [0, 1, 0xffffffff, 2 ** 32, MAX_CALL_ID]) {
    const out = new ByteWriter();
    writeU64(out, id);
    assert.equal(readId(out.view(), 0), id);
    assert.equal(idHigh(id), Math.floor(id / 2 ** 32));
  }
});
