import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { gzip } from "../../../src/codec/gzip.ts";
import { textCodec } from "../../../src/codec/text.ts";
import { RpcError } from "../../../src/errors.ts";
import { MemoryPool, MemoryShare, WAITING_MESSAGE_BYTES } from "../../../src/limits/memory_pool.ts";
import { MessageMemoryError } from "../../../src/codec/protobuf.ts";
import { RequestStream, undecodableRequest } from "../../../src/rpc/dispatch/request_stream.ts";

class Source {
  readonly pauses: boolean[] = [];
  readonly encoding = "gzip";
  faults = 0;

  setReadPaused(paused: boolean): void {
    this.pauses.push(paused);
  }

  chargeFault(): void {
    this.faults++;
  }
}

const message = (length: number) => new Uint8Array(length);

Deno.test("reading pauses at 64 KiB or 128 requests and resumes at half of both", async () => {
  for (const [count, bytes] of [[4, 16_384], [128, 0]]) {
    const source = new Source();
    const stream = new RequestStream(source, 1_000_000, new MemoryShare(new MemoryPool()));
    for (let i = 0; i < count; i++) {
      assert.deepEqual(source.pauses, []);
      stream.push(message(bytes), false);
    }
    assert.deepEqual(source.pauses, [true]);
    for (let i = 0; i < count / 2; i++) {
      assert.deepEqual(source.pauses, [true]);
      await stream.next();
    }
    assert.deepEqual(source.pauses, [true, false]);
  }
});

Deno.test("a request goes to a pending read; several reads are served in order", async () => {
  const stream = new RequestStream(new Source(), 100, new MemoryShare(new MemoryPool()));
  const reads = [stream.next(), stream.next(), stream.next()];
  stream.push(message(1), false);
  stream.push(message(2), false);
  stream.end();
  const [first, second, third] = await Promise.all(reads);
  assert.equal(first.value?.length, 1);
  assert.equal(second.value?.length, 2);
  assert.equal(third.done, true);
});

Deno.test("requests are decompressed and decoded when they are taken", async () => {
  const source = new Source();
  const stream = new RequestStream(source, 100, new MemoryShare(new MemoryPool())).decodeWith((
    bytes,
  ) => textCodec.decode(bytes));
  stream.push(textCodec.encode("plain"), false);
  stream.push(gzip(textCodec.encode("compressed")), true);
  stream.push(gzip(message(101)), true);
  assert.equal((await stream.next()).value, "plain");
  assert.equal(stream.lastCompressed, false);
  assert.equal((await stream.next()).value, "compressed");
  assert.equal(stream.lastCompressed, true);
  await assert.rejects(stream.next(), { code: Status.RESOURCE_EXHAUSTED });
  assert.equal(source.faults, 1);
});

Deno.test("a request that cannot be decoded ends the stream with INTERNAL", async () => {
  const stream = new RequestStream(new Source(), 100, new MemoryShare(new MemoryPool())).decodeWith(
    () => {
      throw new Error("not a message");
    },
  );
  stream.push(message(1), false);
  stream.push(message(2), false);
  await assert.rejects(stream.next(), { code: Status.INTERNAL });
  await assert.rejects(stream.next(), { code: Status.INTERNAL });
});

Deno.test("fail() drops queued requests, resumes the wire and rejects reads", async () => {
  const source = new Source();
  const stream = new RequestStream(source, 100, new MemoryShare(new MemoryPool()));
  stream.push(message(65_536), false);
  const reason = new RpcError(Status.CANCELLED, "The caller cancelled");
  stream.fail(reason);
  assert.deepEqual(source.pauses, [true, false]);
  await assert.rejects(stream.next(), (error) => error === reason);
});

Deno.test("after return() requests are dropped and the wire is not paused", async () => {
  const source = new Source();
  const stream = new RequestStream(source, 100, new MemoryShare(new MemoryPool()));
  stream.push(message(65_536), false);
  await stream.return();
  for (let i = 0; i < 200; i++) stream.push(message(65_536), false);
  assert.deepEqual(source.pauses, [true, false]);
  assert.equal((await stream.next()).done, true);
});

Deno.test("each queued request counts 256 bytes more than it has, against the server's memory", async () => {
  const pool = new MemoryPool(16 * 7 * WAITING_MESSAGE_BYTES);
  const stream = new RequestStream(new Source(), 100, new MemoryShare(pool));
  // One connection gets a sixteenth of the pool for what waiting requests count on top of their bytes.
  for (let i = 0; i < 7; i++) assert.equal(stream.push(message(1), false), true);
  assert.equal(pool.used, 7 * (1 + WAITING_MESSAGE_BYTES));
  assert.equal(stream.push(message(0), false), false);
  await stream.next();
  assert.equal(stream.push(message(0), false), true);
  await stream.return();
  assert.equal(pool.used, 0);
});

Deno.test("a decompressed request counts until the next one is taken", async () => {
  const pool = new MemoryPool(1_000_000);
  const stream = new RequestStream(new Source(), 500_000, new MemoryShare(pool));
  stream.push(gzip(message(400_000)), true);
  stream.push(gzip(message(300)), true);
  await stream.next();
  assert.ok(pool.used > 400_000);
  await stream.next();
  assert.equal(pool.used, 300);
  stream.releaseInflated();
  assert.equal(pool.used, 0);
});

Deno.test("a request that inflates past the server's memory fails unopened", async () => {
  const pool = new MemoryPool(100_000);
  const stream = new RequestStream(new Source(), 500_000, new MemoryShare(pool));
  stream.push(gzip(message(400_000)), true);
  await assert.rejects(stream.next(), { code: Status.RESOURCE_EXHAUSTED });
  assert.equal(pool.used, 0);
});

Deno.test("a request whose messages take too much memory is told apart from a malformed one", () => {
  const large = undecodableRequest(new MessageMemoryError("a.B", new Uint8Array(9)));
  assert.equal(large.code, Status.RESOURCE_EXHAUSTED);
  assert.equal(
    large.message,
    "Cannot decode a.B: the messages in 9 bytes would take more than 64 MiB",
  );
  assert.equal(undecodableRequest(new Error("malformed")).code, Status.INTERNAL);
});
