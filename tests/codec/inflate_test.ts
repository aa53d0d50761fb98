/** What every compression must hold. */

import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { type Encoding, KNOWN_ENCODINGS } from "../../src/call/encodings.ts";
import { Status } from "../../src/call/status.ts";
import { compress, decompress, inflatedBytesStated } from "../../src/codec/compression.ts";
import { RpcError } from "../../src/errors.ts";
import { concat } from "../fixtures/bytes.ts";
import {
  asGzip,
  asZlib,
  asZstd,
  EMPTY_DYNAMIC_BLOCKS,
  GZIP_HEADER,
  repeated,
  SNAPPY_CHUNK,
} from "../fixtures/short_blocks.ts";

const MIB = 1_048_576;

function codeOf(run: () => unknown): Status {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    return error.code;
  }
  return Status.OK;
}

/** Messages of several sizes: random, of text, and of zeros. */
function* messages(): Generator<Uint8Array> {
  for (const size of [1, 7, 255, 256, 4_096, 65_535, 65_536, 65_537, 300_000]) {
    const random = new Uint8Array(size);
    for (let at = 0; at < size; at += MIB / 16) {
      crypto.getRandomValues(random.subarray(at, at + MIB / 16));
    }
    yield random;
    yield random.map((octet) => 97 + octet % 4);
    yield new Uint8Array(size);
  }
}

for (const encoding of KNOWN_ENCODINGS) {
  Deno.test(`${encoding}: messages of all sizes survive, as plain arrays`, () => {
    for (const message of messages()) {
      const inflated = decompress(compress(message, encoding), encoding, message.length);
      assert.deepEqual(inflated, message);
      assert.equal(inflated.constructor, Uint8Array);
    }
    assert.equal(decompress(new Uint8Array(0), encoding, 10).length, 0);
  });

  Deno.test(`${encoding}: nothing is inflated beyond the limit`, () => {
    for (const size of [11, 5_000, 10 * MIB]) {
      const bomb = compress(new Uint8Array(size), encoding);
      assert.equal(codeOf(() => decompress(bomb, encoding, size)), Status.OK);
      assert.equal(codeOf(() => decompress(bomb, encoding, size - 1)), Status.RESOURCE_EXHAUSTED);
    }
  });

  Deno.test(`${encoding}: a bomb takes no more memory than its limit allows`, () => {
    const bomb = compress(new Uint8Array(64 * MIB), encoding);
    const before = Deno.memoryUsage();
    let most = 0;
    for (let i = 0; i < 50; i++) {
      codeOf(() => decompress(bomb, encoding, 4 * MIB));
      most = Math.max(most, Deno.memoryUsage().external);
    }
    assert.ok(most - before.external < 128 * MIB, `${most - before.external} bytes`);
  });

  Deno.test(`${encoding}: cut, extended and random data is corrupt`, () => {
    const message = new TextEncoder().encode("abc".repeat(1_000) + crypto.randomUUID());
    const good = compress(message, encoding);
    for (let cut = 1; cut < good.length; cut++) {
      const code = codeOf(() => decompress(good.subarray(0, cut), encoding, MIB));
      // A stream of snappy may end after any chunk, its identifier included: that is a shorter message.
      if (encoding === "snappy" && cut === 10) assert.equal(code, Status.OK);
      else assert.notEqual(code, Status.OK, `cut to ${cut} of ${good.length}`);
    }
    for (const rest of [[0], [1, 2, 3], [0, 0, 0, 0, 0, 0, 0, 0]]) {
      const longer = Uint8Array.from([...good, ...rest]);
      // Zeros after a member are padding for gzip's tools.
      const code = codeOf(() => decompress(longer, encoding, MIB));
      assert.notEqual(code, Status.OK, `followed by ${rest}`);
    }
    for (let i = 0; i < 2_000; i++) {
      const random = crypto.getRandomValues(new Uint8Array(1 + i % 64));
      codeOf(() => decompress(random, encoding, 4_096));
      const damaged = good.slice();
      damaged[i % good.length] ^= 1 + i % 255;
      codeOf(() => decompress(damaged, encoding, MIB));
    }
  });
}

Deno.test("lengths are declared by gzip, zstd and snappy, and guessed for the others", () => {
  const declared = (encoding: Encoding) =>
    inflatedBytesStated(compress(new Uint8Array(5_000), encoding), encoding);
  for (const encoding of ["gzip", "zstd", "snappy"] as const) {
    assert.equal(declared(encoding), 5_000, encoding);
  }
  for (const encoding of ["br", "deflate"] as const) assert.ok(declared(encoding) > 0, encoding);
  assert.equal(inflatedBytesStated(new Uint8Array(100), "lz4"), 0);
});

Deno.test("messages of other tools are read", () => {
  const message = new TextEncoder().encode("hello ".repeat(500));
  const limit = message.length;
  assert.deepEqual(decompress(zlib.brotliCompressSync(message), "br", limit), message);
  assert.deepEqual(decompress(zlib.deflateSync(message, { level: 9 }), "deflate", limit), message);
  assert.deepEqual(decompress(zlib.gzipSync(message, { level: 1 }), "gzip", limit), message);
});

/** Behind 4 MiB of zeros, which the trailer declares. */
const behindBomb = (blocks: Uint8Array) => {
  const zeros = zlib.deflateRawSync(new Uint8Array(4 * MIB), {
    finishFlush: zlib.constants.Z_SYNC_FLUSH,
  });
  const trailer = Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x40, 0);
  return concat(GZIP_HEADER, zeros, repeated(blocks), trailer);
};
/** Messages of 4 MiB that consist of the shortest blocks. */
const SLOW: readonly (readonly [what: string, encoding: Encoding, message: () => Uint8Array])[] = [
  ["blocks with codes", "gzip", () => asGzip(EMPTY_DYNAMIC_BLOCKS)],
  ["blocks with codes, behind a bomb,", "gzip", () => behindBomb(EMPTY_DYNAMIC_BLOCKS)],
  ["fixed blocks", "gzip", () => asGzip(Uint8Array.of(2, 8, 32, 128, 0))],
  ["blocks with codes", "deflate", () => asZlib(EMPTY_DYNAMIC_BLOCKS)],
  ["fixed blocks", "deflate", () => asZlib(Uint8Array.of(2, 8, 32, 128, 0))],
  ["stored blocks", "deflate", () => asZlib(Uint8Array.of(0, 0, 0, 255, 255))],
  ["stored blocks", "gzip", () => asGzip(Uint8Array.of(0, 0, 0, 255, 255))],
  ["members", "gzip", () => repeated(zlib.gzipSync(new Uint8Array(0)))],
  ["raw blocks", "zstd", () => asZstd(Uint8Array.of(0, 0, 0))],
  ["repeated octets", "zstd", () => asZstd(Uint8Array.of(10, 0, 0, 97))],
  ["frames", "zstd", () => repeated(compress(Uint8Array.of(97), "zstd"))],
  ["chunks", "snappy", () => concat(compress(new Uint8Array(9), "snappy"), repeated(SNAPPY_CHUNK))],
  [
    "skipped chunks",
    "snappy",
    () => concat(compress(new Uint8Array(9), "snappy"), repeated(Uint8Array.of(0xfe, 0, 0, 0))),
  ],
];

for (const [what, encoding, message] of SLOW) {
  Deno.test(`${encoding}: 4 MiB of the shortest ${what} are given up early`, () => {
    const slow = message();
    // By their number, not by what they contain: all of them would take up to 5 s.
    assert.throws(() => decompress(slow, encoding, 4 * MIB), {
      code: Status.RESOURCE_EXHAUSTED,
      message: /too many blocks/,
    });
  });
}

Deno.test("deflate: long messages are inflated up to the limit, and checked", () => {
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const message = new Uint8Array(zlib.deflateSync(random));
  assert.deepEqual(decompress(message, "deflate", 60_000), random);
  assert.equal(codeOf(() => decompress(message, "deflate", 59_999)), Status.RESOURCE_EXHAUSTED);
  // Over 32 KiB, and more than is first taken for it.
  const zeros = new Uint8Array(zlib.deflateSync(new Uint8Array(64 * MIB)));
  const inflated = decompress(zeros, "deflate", 64 * MIB);
  assert.ok(inflated.length === 64 * MIB && inflated.every((octet) => octet === 0));
  assert.equal(codeOf(() => decompress(zeros, "deflate", 64 * MIB - 1)), Status.RESOURCE_EXHAUSTED);
  // Header, data and checksum (RFC 1950 §2.2).
  for (const at of [0, 1, 3, 500, message.length - 5, message.length - 1]) {
    const changed = message.slice();
    changed[at] ^= 0x40;
    assert.notEqual(codeOf(() => decompress(changed, "deflate", 4 * MIB)), Status.OK, `${at}`);
  }
  for (const length of [message.length - 1, message.length - 4]) {
    const cut = message.subarray(0, length);
    assert.equal(codeOf(() => decompress(cut, "deflate", 4 * MIB)), Status.INTERNAL);
  }
  assert.equal(
    codeOf(() => decompress(concat(message, Uint8Array.of(0)), "deflate", MIB)),
    Status.INTERNAL,
  );
});

Deno.test("gzip: long messages of several members, with all fields of a header, are inflated", () => {
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const member = new Uint8Array(zlib.gzipSync(random)).subarray(10);
  // FHCRC, FEXTRA, FNAME and FCOMMENT (RFC 1952 §2.3).
  const fields = Uint8Array.of(0x1f, 0x8b, 8, 30, 0, 0, 0, 0, 0, 3, 2, 0, 1, 2, 97, 0, 98, 0, 9, 9);
  const message = concat(fields, member, GZIP_HEADER, member);
  assert.deepEqual(decompress(message, "gzip", 120_000), concat(random, random));
  assert.equal(codeOf(() => decompress(message, "gzip", 119_999)), Status.RESOURCE_EXHAUSTED);
  for (const at of [0, 2, 3, 500, message.length - 1, message.length - 6]) {
    const changed = message.slice();
    changed[at] ^= 0x40;
    assert.notEqual(codeOf(() => decompress(changed, "gzip", 4 * MIB)), Status.OK, `${at}`);
  }
});
