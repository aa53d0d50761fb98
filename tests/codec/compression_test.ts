import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { Status } from "../../src/call/status.ts";
import {
  COMPRESS_FROM_BYTES,
  compressWhenSmaller,
  decompress,
} from "../../src/codec/compression.ts";
import { gzip } from "../../src/codec/gzip.ts";
import { RpcError } from "../../src/errors.ts";

function codeOf(run: () => unknown): Status {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    return error.code;
  }
  assert.fail("nothing was thrown");
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

Deno.test("decompress() inflates gzip() and other tools' gzip, also of several members (RFC 1952 §2.2)", () => {
  const message = new Uint8Array(1000).map((_, i) => i);
  assert.deepEqual(decompress(gzip(message), "gzip", 1000), message);
  const twice = new Uint8Array([...gzipSync(message), ...gzipSync(message)]);
  assert.equal(decompress(twice, "gzip", 2000).length, 2000);
  assert.equal(decompress(gzip(new Uint8Array(0)), "gzip", 1000).length, 0);
  assert.equal(decompress(new Uint8Array(0), "gzip", 1000).length, 0);
  assert.equal(decompress(gzip(message), "gzip", 1000).constructor, Uint8Array);
});

Deno.test("decompress() never inflates beyond the limit", () => {
  const bomb = gzip(new Uint8Array(10 * 1024 * 1024));
  assert.equal(codeOf(() => decompress(bomb, "gzip", 65536)), Status.RESOURCE_EXHAUSTED);
  assert.equal(codeOf(() => decompress(gzip(new Uint8Array(11)), "gzip", 10)), 8);
  assert.equal(decompress(gzip(new Uint8Array(10)), "gzip", 10).length, 10);
});

Deno.test("decompress() stops at a message's declared length and reports more as corrupt", () => {
  const bomb = gzip(new Uint8Array(10 * 1024 * 1024));
  for (const said of [0, 1, 65535, 65536]) {
    const liar = bomb.slice();
    new DataView(liar.buffer).setUint32(liar.length - 4, said, true);
    assert.equal(codeOf(() => decompress(liar, "gzip", 65536)), Status.INTERNAL);
    const other = gzipSync(new Uint8Array(5));
    for (const two of [[other, liar], [liar, other], [liar, liar]]) {
      assert.equal(codeOf(() => decompress(joined(...two), "gzip", 200_000)), Status.INTERNAL);
    }
  }
});

Deno.test("decompress() creates little garbage for bombs that declare less than they contain", () => {
  const bomb = gzip(new Uint8Array(10 * 1024 * 1024)).slice();
  bomb.set([1, 0, 0, 0], bomb.length - 4);
  const before = Deno.memoryUsage();
  let most = 0;
  for (let i = 0; i < 100; i++) {
    codeOf(() => decompress(bomb, "gzip", 4 * 1024 * 1024));
    codeOf(() => decompress(joined(bomb, bomb), "gzip", 4 * 1024 * 1024));
    most = Math.max(most, Deno.memoryUsage().external);
  }
  assert.ok(most - before.external < 16 * 1024 * 1024, `${most - before.external} bytes`);
});

Deno.test("decompress() bounds messages of several members by the sum of their declared lengths", () => {
  const members = [0, 1, 1000, 70_000, 5, 0].map((length) =>
    gzipSync(new Uint8Array(length).map((_, i) => i * i >> 3))
  );
  const all = joined(...members);
  const { length } = decompress(all, "gzip", 71_006);
  assert.equal(length, 71_006);
  assert.equal(codeOf(() => decompress(all, "gzip", 71_005)), Status.RESOURCE_EXHAUSTED);
  // The magic bytes within stored data start no member.
  const stored = new Uint8Array(2000);
  for (let at = 0; at < 2000; at += 20) stored.set([0x1f, 0x8b, 8, 0], at);
  const inside = joined(gzipSync(stored, { level: 0 }), gzipSync(stored, { level: 0 }));
  assert.deepEqual(decompress(inside, "gzip", 4_000_000), joined(stored, stored));
});

Deno.test("decompress() reports an impossible length as corrupt", () => {
  const damaged = gzip(new Uint8Array(1000)).slice();
  damaged.set([255, 255, 255, 255], damaged.length - 4);
  assert.equal(codeOf(() => decompress(damaged, "gzip", 65536)), Status.INTERNAL);
});

Deno.test("decompress() throws INTERNAL for corrupt messages and UNIMPLEMENTED for unknown encodings", () => {
  const good = gzip(new Uint8Array(1000).map((_, i) => i * i));
  for (let cut = 1; cut < good.length; cut += 7) {
    assert.equal(codeOf(() => decompress(good.subarray(0, cut), "gzip", 2000)), Status.INTERNAL);
  }
  assert.equal(codeOf(() => decompress(new Uint8Array([1, 2]), "gzip", 9)), Status.INTERNAL);
  assert.equal(codeOf(() => decompress(good, "lz4", 2000)), Status.UNIMPLEMENTED);
  assert.equal(codeOf(() => decompress(good, "identity", 2000)), Status.INTERNAL);
});

Deno.test("compressWhenSmaller() returns undefined for small and incompressible messages", () => {
  assert.equal(compressWhenSmaller(new Uint8Array(COMPRESS_FROM_BYTES - 1), "gzip"), undefined);
  assert.ok(compressWhenSmaller(new Uint8Array(COMPRESS_FROM_BYTES), "gzip"));
  assert.equal(compressWhenSmaller(crypto.getRandomValues(new Uint8Array(500)), "gzip"), undefined);
});
