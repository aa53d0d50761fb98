/** What every compression must hold. */

import assert from "node:assert/strict";
import * as zlib from "node:zlib";
import { type Encoding, KNOWN_ENCODINGS } from "../../src/call/encodings.ts";
import { Status } from "../../src/call/status.ts";
import { compress, decompress, inflatedBytesStated } from "../../src/codec/compression.ts";
import { RpcError } from "../../src/errors.ts";

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

  Deno.test(`${encoding}: a bomb takes neither much time nor memory`, () => {
    const bomb = compress(new Uint8Array(64 * MIB), encoding);
    const before = Deno.memoryUsage();
    let most = 0;
    const startMs = performance.now();
    for (let i = 0; i < 50; i++) {
      codeOf(() => decompress(bomb, encoding, 4 * MIB));
      most = Math.max(most, Deno.memoryUsage().external);
    }
    const eachMs = (performance.now() - startMs) / 50;
    assert.ok(eachMs < 100, `${eachMs} ms each`);
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
