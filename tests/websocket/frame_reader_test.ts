import assert from "node:assert/strict";
import {
  FrameReader,
  type FrameSink,
  MAX_MESSAGE_BYTES,
} from "../../src/websocket/frame_reader.ts";
import { clientFrame, joined } from "./frames.ts";

class Sink implements FrameSink {
  data: number[] = [];
  frames: number[] = [];
  events: string[] = [];
  onData(bytes: Uint8Array) {
    this.data.push(...bytes);
  }
  onDataFrame(length: number) {
    this.frames.push(length);
  }
  onPing(payload: Uint8Array) {
    this.events.push(`ping ${new TextDecoder().decode(payload)}`);
  }
  onPong() {
    this.events.push("pong");
  }
  onClose(code: number | undefined) {
    this.events.push(`close ${code}`);
  }
  onViolation(code: number, reason: string) {
    this.events.push(`${code} ${reason}`);
  }
}

/** Reads `bytes` in chunks of a size, each in an array of its own, which is overwritten afterwards. */
function read(bytes: Uint8Array, size: number): Sink {
  const sink = new Sink();
  const reader = new FrameReader(sink);
  for (let at = 0; at < bytes.length; at += size) {
    const chunk = bytes.slice(at, at + size);
    reader.receive(chunk);
    chunk.fill(255);
  }
  return sink;
}

const result = ({ data, frames, events }: Sink) => ({ data, frames, events });

Deno.test("RFC 6455 §5.7: masked frames, whole and fragmented, with a ping between fragments", () => {
  const bytes = joined(
    clientFrame(2, "Hello"),
    clientFrame(2, "Hel", { final: false }),
    clientFrame(9, "are you there?"),
    clientFrame(0, "", { final: false }),
    clientFrame(0, "lo"),
    clientFrame(10),
    clientFrame(2),
    clientFrame(2, new Uint8Array(300).fill(65)),
    clientFrame(2, new Uint8Array(70_000).fill(66)),
    clientFrame(8, Uint8Array.of(3, 232, 98, 121, 101)),
    clientFrame(2, "not read"),
  );
  const expected = {
    data: [
      ...new TextEncoder().encode("HelloHello"),
      ...new Array(300).fill(65),
      ...new Array(70_000).fill(66),
    ],
    frames: [5, 3, 0, 2, 0, 300, 70_000],
    events: ["ping are you there?", "pong", "close 1000"],
  };
  for (const size of [1, 2, 3, 5, 7, 64, 1000, bytes.length]) {
    assert.deepEqual(result(read(bytes, size)), expected, `chunks of ${size}`);
  }
});

Deno.test("the bytes of RFC 6455 §5.7 themselves", () => {
  const hello = Uint8Array.from([0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
  assert.deepEqual(hello, clientFrame(2, "Hello"));
  assert.equal(String.fromCharCode(...read(hello, 4).data), "Hello");
});

Deno.test("frames that are cut at any position are read the same", () => {
  const bytes = joined(
    clientFrame(2, "ab", { final: false }),
    clientFrame(9, "p"),
    clientFrame(0, new Uint8Array(130).fill(7)),
    clientFrame(8),
  );
  const expected = result(read(bytes, bytes.length));
  assert.deepEqual(expected.events, ["ping p", "close undefined"]);
  for (let cut = 1; cut < bytes.length; cut++) {
    const sink = new Sink();
    const reader = new FrameReader(sink);
    reader.receive(bytes.slice(0, cut));
    reader.receive(bytes.slice(cut));
    assert.deepEqual(result(sink), expected, `cut at ${cut}`);
  }
});

Deno.test("midMessage is true inside of frames and between fragments", () => {
  const reader = new FrameReader(new Sink());
  const steps: [Uint8Array, boolean][] = [
    [Uint8Array.of(0x02), true],
    [clientFrame(2, "ab", { final: false }).slice(1), true],
    [clientFrame(9), true],
    [clientFrame(0, "c"), false],
    [clientFrame(2, "whole"), false],
  ];
  assert.equal(reader.midMessage, false);
  for (const [bytes, expected] of steps) {
    reader.receive(bytes);
    assert.equal(reader.midMessage, expected);
  }
});

const VIOLATIONS: [string, Uint8Array, string][] = [
  [
    "§5.1: not masked",
    clientFrame(2, "a", { masked: false }),
    "1002 A frame of a client is not masked",
  ],
  ["§5.2: RSV1", clientFrame(2, "a", { reserved: 0x40 }), "1002 Reserved bits are set"],
  ["§5.2: RSV3 of a ping", clientFrame(9, "a", { reserved: 0x10 }), "1002 Reserved bits are set"],
  ["§5.2: opcode 3", clientFrame(3, "a"), "1002 Opcode 3 is reserved"],
  ["§5.2: opcode 15", clientFrame(15, "a"), "1002 Opcode 15 is reserved"],
  [
    "§5.2: 5 bytes in the 16-bit form",
    clientFrame(2, "aaaaa", { lengthBytes: 2 }),
    "1002 The length is not in its shortest form",
  ],
  [
    "§5.2: 300 bytes in the 64-bit form",
    clientFrame(2, new Uint8Array(300), { lengthBytes: 8 }),
    "1002 The length is not in its shortest form",
  ],
  [
    "§5.2: a length with its highest bit set",
    Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
    "1002 The length is not in its shortest form",
  ],
  [
    "§5.4: continuation of nothing",
    clientFrame(0, "a"),
    "1002 A continuation has no message before it",
  ],
  [
    "§5.4: message inside of one",
    joined(clientFrame(2, "", { final: false }), clientFrame(2, "b")),
    "1002 A message begins inside another one",
  ],
  [
    "§5.5: fragmented ping",
    clientFrame(9, "a", { final: false }),
    "1002 A control frame is fragmented",
  ],
  [
    "§5.5: ping of 126 bytes",
    clientFrame(9, new Uint8Array(126)),
    "1002 A control frame is too long",
  ],
  ["§5.5.1: close of one byte", clientFrame(8, "a"), "1002 A Close frame has no valid code"],
  [
    "§7.4.1: code 1005",
    clientFrame(8, Uint8Array.of(3, 237)),
    "1002 A Close frame has no valid code",
  ],
  [
    "§7.4.2: code 999",
    clientFrame(8, Uint8Array.of(3, 231)),
    "1002 A Close frame has no valid code",
  ],
  [
    "§8.1: reason that is not UTF-8",
    clientFrame(8, Uint8Array.of(3, 232, 0xff)),
    "1007 The reason of a Close frame is not UTF-8",
  ],
  ["text", clientFrame(1, "a"), "1003 Messages must be binary"],
  [
    "a frame above the bound",
    Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0),
    `1009 A message has more than ${MAX_MESSAGE_BYTES} bytes`,
  ],
  [
    "a frame of 2^62 bytes",
    Uint8Array.of(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    `1009 A message has more than ${MAX_MESSAGE_BYTES} bytes`,
  ],
];

for (const [name, bytes, expected] of VIOLATIONS) {
  Deno.test(`RFC 6455 ${name}`, () => {
    for (const size of [1, bytes.length]) {
      const sink = read(joined(bytes, clientFrame(9, "not read")), size);
      assert.deepEqual(sink.events, [expected]);
    }
  });
}

Deno.test("fragments together are bounded as one message, and the next message starts anew", () => {
  const sink = new Sink();
  sink.onData = () => {};
  const reader = new FrameReader(sink);
  const half = new Uint8Array(MAX_MESSAGE_BYTES / 2);
  const parts = (last: number) => [
    clientFrame(2, half, { final: false }),
    clientFrame(0, half, { final: false }),
    clientFrame(0, new Uint8Array(last)),
  ];
  for (const bytes of [...parts(0), ...parts(1)]) reader.receive(bytes);
  assert.deepEqual(sink.events, [`1009 A message has more than ${MAX_MESSAGE_BYTES} bytes`]);
});

Deno.test("nothing is reported after stop()", () => {
  const sink = new Sink();
  const reader = new FrameReader(sink);
  reader.stop();
  reader.receive(clientFrame(9, "a"));
  assert.deepEqual(result(sink), { data: [], frames: [], events: [] });
});
