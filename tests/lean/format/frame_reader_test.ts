import assert from "node:assert/strict";
import { FrameReader } from "../../../src/lean/format/frame_reader.ts";
import { concat, frame, text, utf8 } from "../harness.ts";

function reader(typeLimit = 100, valueLimit = 1_000, admits = false) {
  const seen: string[] = [];
  const made = new FrameReader(
    {
      onFrame(b, at, typeBytes, valueBytes) {
        const type = text(b.subarray(at + 16, at + 16 + typeBytes));
        const value = b.subarray(at + 16 + typeBytes, at + 16 + typeBytes + valueBytes);
        seen.push(`${b[at + 1]} ${b[at + 9]} ${type} ${text(value)}`);
      },
      admit: () => admits,
      holdFrame: () => true,
      dropFrame() {},
      onOversize: (b, at, typeBytes, valueBytes) =>
        seen.push(`oversize ${text(b.subarray(at + 16, at + 16 + typeBytes))} ${valueBytes}`),
      onMalformed: (message) => seen.push(message),
    },
    typeLimit,
    valueLimit,
  );
  return { reader: made, seen };
}

const FRAMES = concat(
  frame(1, 1, "/a", "one"),
  frame(4, 2, "", ""),
  frame(6, 3, "/long", "x".repeat(900)),
  frame(1, 4, "/too-long", "y".repeat(1_200)),
  frame(2, 5, "/b", "end"),
);
const SEEN = [
  "1 1 /a one",
  "4 2  ",
  `6 3 /long ${"x".repeat(900)}`,
  "oversize /too-long 1200",
  "2 5 /b end",
];

function feed(chunks: Uint8Array[]) {
  const { reader: made, seen } = reader();
  for (const chunk of chunks) {
    const input = chunk.slice();
    made.receive(input);
    // The driver reuses its read buffer.
    input.fill(0xff);
  }
  return { made, seen };
}

Deno.test("FrameReader reads frames from one chunk", () => {
  const { made, seen } = feed([FRAMES]);
  assert.deepEqual(seen, SEEN);
  assert.equal(made.midFrame, false);
  assert.equal(made.heldBytes, 0);
});

Deno.test("FrameReader reads frames byte by byte", () => {
  assert.deepEqual(feed(Array.from(FRAMES, (byte) => Uint8Array.of(byte))).seen, SEEN);
});

Deno.test("FrameReader reads frames split at every position", () => {
  for (let at = 1; at < FRAMES.length; at++) {
    assert.deepEqual(feed([FRAMES.slice(0, at), FRAMES.slice(at)]).seen, SEEN, `split at ${at}`);
  }
});

Deno.test("FrameReader keeps an incomplete frame", () => {
  for (let extra = 1; extra < 30; extra++) {
    const { made, seen } = feed([concat(FRAMES, frame(1, 9, "/next", "value").slice(0, extra))]);
    assert.deepEqual(seen, extra < 26 ? SEEN : [...SEEN, "1 9 /next value"]);
    assert.equal(made.midFrame, extra < 26);
    if (extra >= 26) break;
  }
});

Deno.test("FrameReader allocates by received bytes, not by declared lengths", () => {
  const header = frame(1, 1, "/a").slice(0, 18);
  header.set([0xff, 0xff, 0xff, 0xff], 12);
  const skipped = reader();
  skipped.reader.receive(header);
  assert.deepEqual(skipped.seen, ["oversize /a 4294967295"]);
  assert.equal(skipped.reader.heldBytes, 0);
  assert.equal(skipped.reader.midFrame, true);
  // An admitted frame as well.
  const admitted = reader(100, 1_000, true);
  admitted.reader.receive(header);
  assert.ok(admitted.reader.heldBytes <= 8_192, `${admitted.reader.heldBytes}`);
  admitted.reader.receive(new Uint8Array(10_000));
  assert.ok(admitted.reader.heldBytes <= 90_000, `${admitted.reader.heldBytes}`);
});

Deno.test("FrameReader refuses other versions at their first byte", () => {
  for (const version of [0, 2, 0x50, 255]) {
    const { reader: made, seen } = reader();
    made.receive(Uint8Array.of(version));
    assert.deepEqual(seen, [
      `Cannot read a frame of version ${version}: only version 1 is supported`,
    ]);
    made.receive(FRAMES);
    assert.equal(seen.length, 1);
  }
});

Deno.test("FrameReader refuses routes above the limit, in one chunk or several", () => {
  const bytes = frame(1, 1, "x".repeat(101), utf8(""));
  for (const chunks of [[bytes], [bytes.slice(0, 5), bytes.slice(5)]]) {
    const { seen } = feed(chunks);
    assert.deepEqual(seen, ["Cannot accept a route of 101 bytes: limit is 100"]);
  }
});

Deno.test("FrameReader passes on gathered frames as owned", () => {
  const kept: Uint8Array[] = [];
  const made = new FrameReader(
    {
      onFrame: (b, at, typeBytes, valueBytes, owned) => {
        const from = at + 16 + typeBytes;
        kept.push(owned ? b.subarray(from, from + valueBytes) : b.slice(from, from + valueBytes));
      },
      admit: () => false,
      holdFrame: () => true,
      dropFrame() {},
      onOversize() {},
      onMalformed() {},
    },
    100,
    10_000,
  );
  const bytes = concat(frame(4, 1, "", "a".repeat(5_000)), frame(4, 1, "", "b".repeat(5_000)));
  for (let at = 0; at < bytes.length; at += 999) {
    const chunk = bytes.slice(at, at + 999);
    made.receive(chunk);
    chunk.fill(0xff);
  }
  assert.deepEqual(kept.map(text), ["a".repeat(5_000), "b".repeat(5_000)]);
});
