// Against npm's hpack.js, an implementation that shares nothing with ours. It reads and writes text as
// UTF-8, so header text is ASCII here, and it looks names and values up in plain objects, so it takes
// "constructor" for something that the static table has.
import assert from "node:assert/strict";
import fc from "fast-check";
import hpack from "hpack.js";
import { HpackDecoder } from "../../src/hpack/decoder.ts";
import { HpackEncoder } from "../../src/hpack/encoder.ts";
import { STATIC_NAMES, STATIC_VALUES } from "../../src/hpack/static_table.ts";
import { decode, encode, type Pair } from "./support.ts";

const isUnknownToObjects = (text: string) => !(text in {});
const name = fc.oneof(
  fc.constantFrom(...STATIC_NAMES.slice(1), "te", "grpc-timeout", "grpc-status"),
  fc.stringMatching(/^[a-z0-9_.-]{1,40}$/).filter(isUnknownToObjects),
);
const value = fc.oneof(
  fc.constantFrom(...STATIC_VALUES, "trailers", "application/grpc"),
  fc.stringMatching(/^[ -~]{0,60}$/).filter(isUnknownToObjects),
  fc.stringMatching(/^[a-f0-9]{100,900}$/),
);
const lists: fc.Arbitrary<Pair[][]> = fc.array(
  fc.array(fc.tuple(name, value), { maxLength: 20 }),
  { maxLength: 12 },
);

Deno.test("hpack.js reads what HpackEncoder writes", () => {
  fc.assert(
    fc.property(lists, (lists) => {
      const encoder = new HpackEncoder();
      const peer = hpack.decompressor.create({ table: { size: 4096 } });
      for (const list of lists) {
        peer.write(encode(encoder, list));
        peer.execute();
        const read: Pair[] = [];
        for (let field = peer.read(); field !== null; field = peer.read()) {
          read.push([field.name, field.value]);
        }
        assert.deepEqual(read, list);
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("HpackDecoder reads what hpack.js writes", () => {
  fc.assert(
    fc.property(lists, fc.boolean(), (lists, huffman) => {
      const decoder = new HpackDecoder();
      const peer = hpack.compressor.create({ table: { size: 4096 } });
      for (const list of lists) {
        peer.write(list.map(([name, value]) => ({ name, value, huffman })));
        assert.deepEqual(decode(decoder, peer.read() ?? new Uint8Array(0)), list);
      }
    }),
    { numRuns: 300 },
  );
});
