import assert from "node:assert/strict";
import { type DataHandler, type FrameHandler, FrameReader } from "../../src/http2/frame_reader.ts";
import { data, frame, join } from "./frames.ts";

const LIMIT = 100;

/** Events of a reader for `bytes`, fed in pieces of `size`, each of which is overwritten afterwards. */
function read(bytes: Uint8Array, size: number): string[] {
  const seen: string[] = [];
  const handler: FrameHandler & DataHandler = {
    onOversizedFrame: (length) => {
      seen.push(`oversized ${length}`);
      reader.stop();
    },
    onFrame: (type, flags, id, buffer, start, end) => {
      seen.push(`frame ${type} ${flags} ${id} [${buffer.slice(start, end)}]`);
    },
    onDataBegin: (flags, id, length) => void seen.push(`data ${flags} ${id} ${length}`),
    onDataPart: (buffer, start, end) => seen.push(...Array.from(buffer.slice(start, end), String)),
    onBadPadding: () => seen.push("bad padding"),
    onDataEnd: () => seen.push("end"),
  };
  const reader = new FrameReader(handler, handler, LIMIT);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.slice(at, at + size);
    reader.feed(piece);
    piece.fill(0xff);
  }
  return seen;
}

Deno.test("RFC 9113 §4.1: frames are read the same however the bytes are cut", () => {
  const bytes = join(
    frame(4, 0, 0, [1, 2, 3]),
    data(1, [7, 8, 9]),
    frame(8, 1, 0x7fffffff),
    data(3, []),
  );
  const whole = read(bytes, bytes.length);
  assert.deepEqual(whole, [
    "frame 4 0 0 [1,2,3]",
    ...["data 0 1 3", "7", "8", "9", "end"],
    "frame 8 1 2147483647 []",
    ...["data 0 3 0", "end"],
  ]);
  for (let size = 1; size < bytes.length; size++) assert.deepEqual(read(bytes, size), whole);
});

Deno.test("RFC 9113 §4.2: a frame of the limit is accepted, a longer one refused by its first three bytes", () => {
  const longest = frame(6, 0, 0, new Array(LIMIT).fill(1));
  for (let size = 1; size <= longest.length; size++) {
    assert.equal(read(longest, size).length, 1);
    assert.match(read(longest, size)[0], /^frame 6/);
  }
  for (const rest of [0, 1, 5, 6, 200]) {
    const bytes = new Uint8Array([0, 0, LIMIT + 1, ...new Array(rest).fill(6)]);
    for (let size = 1; size <= bytes.length; size++) {
      assert.deepEqual(read(bytes, size), ["oversized 101"]);
    }
  }
});
