import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { compress } from "../../../src/codec/compression.ts";
import { isDetached } from "../../../src/bytes/detach.ts";
import { MemoryPool, MemoryShare } from "../../../src/limits/memory_pool.ts";
import { inflateRequest } from "../../../src/rpc/dispatch/inflate_request.ts";

const random = () => {
  const bytes = new Uint8Array(130_000);
  for (let at = 0; at < bytes.length; at += 65_000) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_000));
  }
  return bytes;
};
const owned = (bytes: Uint8Array) => new Uint8Array(bytes);

for (const encoding of ["gzip", "deflate", "zstd", "snappy"] as const) {
  Deno.test(`a large ${encoding} request is freed once it is inflated or refused`, () => {
    const content = random();
    const memory = new MemoryShare(new MemoryPool());
    const inflate = (message: Uint8Array, maxBytes = 1_000_000) =>
      inflateRequest(message, { encoding }, maxBytes, memory);
    const good = owned(compress(content, encoding));
    assert.deepEqual(inflate(good), content);
    assert.equal(isDetached(good.buffer as ArrayBuffer), true);
    assert.equal(memory.used, content.length);
    const tooLarge = owned(compress(content, encoding));
    assert.throws(() => inflate(tooLarge, 1_000), { code: Status.RESOURCE_EXHAUSTED });
    assert.equal(isDetached(tooLarge.buffer as ArrayBuffer), true);
    const corrupt = owned(compress(content, encoding));
    corrupt[5] ^= 0xff;
    corrupt[60_000] ^= 0xff;
    assert.throws(() => inflate(corrupt));
    assert.equal(isDetached(corrupt.buffer as ArrayBuffer), true);
    assert.equal(memory.used, content.length, "nothing is counted for those");
  });

  Deno.test(`a ${encoding} request that shares its buffer stays`, () => {
    const content = random();
    const memory = new MemoryShare(new MemoryPool());
    const message = compress(content, encoding);
    const buffer = new Uint8Array(message.length + 10);
    buffer.set(message, 3);
    const view = buffer.subarray(3, 3 + message.length);
    assert.deepEqual(inflateRequest(view, { encoding }, 1_000_000, memory), content);
    assert.equal(isDetached(buffer.buffer), false);
  });
}
