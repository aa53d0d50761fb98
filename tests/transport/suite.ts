/**
 * The cases that every transport must pass, run by each with its own listener and dialler.
 *
 * @module
 */

import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import type { DialOptions } from "../../src/transport/dial.ts";
import type { ByteStream, Listener } from "../../src/transport/types.ts";

/** A transport under test, created for each case. */
export interface Fixture {
  listen(): Promise<Listener>;
  /** Connects to a listener of this fixture; handshake included. */
  dial(listener: Listener, options?: DialOptions): Promise<ByteStream>;
  /** Dials an address without a listener; absent if there is none. */
  dialWithoutListener?(options?: DialOptions): Promise<ByteStream>;
  /** Dials a peer that accepts bytes but never answers; absent if connecting needs no answer. */
  dialSilent?(options?: DialOptions): Promise<ByteStream>;
  /** The transport's name in peer facts. */
  readonly transport: string;
  /** The case list leaves out what a transport cannot do, for a reason. */
  readonly skip?: Partial<Record<CaseName, string>>;
  /** Removes what the fixture made. */
  cleanUp?(): Promise<void> | void;
}

type Case = (fixture: Fixture) => Promise<void>;
type CaseName = keyof typeof cases;

/** Reads exactly `count` bytes. */
export async function readExactly(stream: ByteStream, count: number): Promise<Uint8Array> {
  const result = new Uint8Array(count);
  let filled = 0;
  while (filled < count) {
    const n = await stream.read(result.subarray(filled));
    assert.notEqual(n, null, `the stream ended after ${filled} of ${count} bytes`);
    assert.ok(n! > 0, "a read gave no bytes");
    filled += n!;
  }
  return result;
}

/** Reads to the end; resolves to the number of bytes and their sum. */
export async function drain(stream: ByteStream): Promise<{ bytes: number; sum: number }> {
  const buffer = new Uint8Array(65536);
  let bytes = 0;
  let sum = 0;
  for (;;) {
    const n = await stream.read(buffer);
    if (n === null) return { bytes, sum };
    bytes += n;
    for (let i = 0; i < n; i++) sum = (sum + buffer[i]) >>> 0;
  }
}

/** Writes all of `data`. */
export async function writeAll(stream: ByteStream, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) {
    const n = await stream.write(data.subarray(sent));
    assert.ok(n > 0 && n <= data.length - sent, `a write took ${n} bytes`);
    sent += n;
  }
}

/** A connected client and server stream. */
export interface Connected extends AsyncDisposable {
  listener: Listener;
  client: ByteStream;
  server: ByteStream;
}

/** Listens, dials, accepts and completes both handshakes. */
export async function connected(fixture: Fixture): Promise<Connected> {
  const listener = await fixture.listen();
  const accepted = acceptOne(listener);
  const [client, server] = await Promise.all([fixture.dial(listener), accepted]);
  return {
    listener,
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.close();
      server.close();
      await listener.close();
    },
  };
}

/** Accepts one connection and completes its handshake. */
export async function acceptOne(listener: Listener): Promise<ByteStream> {
  const stream = await listener.accept();
  assert.ok(stream !== null, "the listener was closed");
  await stream.handshake?.();
  return stream;
}

/** `count` bytes that depend on `seed`. */
export function pattern(count: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(count);
  let x = seed;
  for (let i = 0; i < count; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

const sumOf = (bytes: Uint8Array) => bytes.reduce((a, b) => (a + b) >>> 0, 0);
const isTransportError = (error: unknown) => {
  assert.ok(error instanceof TransportError, `not a TransportError: ${error}`);
  assert.ok(error.message.length > 20 && !error.message.endsWith("."), error.message);
  return true;
};

const cases = {
  "connect: both ends know each other": async (fixture) => {
    await using pair = await connected(fixture);
    assert.equal(pair.client.peer.transport, fixture.transport);
    assert.equal(pair.server.peer.transport, fixture.transport);
    assert.ok(pair.client.peer.address !== "" && pair.server.peer.address !== "");
    assert.ok(pair.client.localAddress !== "" && pair.server.localAddress !== "");
  },

  "echo: small messages there and back": async (fixture) => {
    await using pair = await connected(fixture);
    for (let i = 0; i < 50; i++) {
      const message = pattern(64 + i, i);
      await writeAll(pair.client, message);
      const got = await readExactly(pair.server, message.length);
      await writeAll(pair.server, got);
      assert.deepEqual(await readExactly(pair.client, message.length), message);
    }
  },

  "read: fills at most the buffer and keeps the rest": async (fixture) => {
    await using pair = await connected(fixture);
    const message = pattern(10);
    await writeAll(pair.client, message);
    for (let i = 0; i < 10; i++) {
      const one = new Uint8Array(1);
      assert.equal(await pair.server.read(one), 1);
      assert.equal(one[0], message[i]);
    }
  },

  "write: data may be changed once it was accepted": async (fixture) => {
    await using pair = await connected(fixture);
    const data = pattern(1000);
    const expected = data.slice();
    await writeAll(pair.client, data);
    data.fill(0);
    assert.deepEqual(await readExactly(pair.server, 1000), expected);
  },

  "large data both ways at once": async (fixture) => {
    await using pair = await connected(fixture);
    const up = pattern(3_000_000, 7);
    const down = pattern(2_000_000, 8);
    const [, , atServer, atClient] = await Promise.all([
      writeAll(pair.client, up).then(() => pair.client.closeWrite()),
      writeAll(pair.server, down).then(() => pair.server.closeWrite()),
      drain(pair.server),
      drain(pair.client),
    ]);
    assert.deepEqual(atServer, { bytes: up.length, sum: sumOf(up) });
    assert.deepEqual(atClient, { bytes: down.length, sum: sumOf(down) });
  },

  "half-close: the other direction continues": async (fixture) => {
    await using pair = await connected(fixture);
    await writeAll(pair.client, pattern(100));
    await pair.client.closeWrite();
    assert.equal((await drain(pair.server)).bytes, 100);
    await writeAll(pair.server, pattern(5000));
    await pair.server.closeWrite();
    assert.equal((await drain(pair.client)).bytes, 5000);
  },

  "close: the peer reads what was sent and then the end": async (fixture) => {
    await using pair = await connected(fixture);
    await writeAll(pair.client, pattern(1000));
    await pair.client.closeWrite();
    pair.client.close();
    assert.equal((await drain(pair.server)).bytes, 1000);
  },

  "close: wakes a pending read here, and is idempotent": async (fixture) => {
    await using pair = await connected(fixture);
    const reading = pair.client.read(new Uint8Array(10));
    pair.client.close();
    pair.client.close();
    await assert.rejects(reading, isTransportError);
    await assert.rejects(pair.client.read(new Uint8Array(10)), isTransportError);
    await assert.rejects(pair.client.write(new Uint8Array(10)), isTransportError);
  },

  "close: wakes a pending write here": async (fixture) => {
    await using pair = await connected(fixture);
    const writing = (async () => {
      const chunk = new Uint8Array(65536);
      for (;;) await pair.client.write(chunk);
    })();
    await filled(pair.server);
    pair.client.close();
    await assert.rejects(writing, isTransportError);
  },

  "abrupt close: the other end's read ends or rejects": async (fixture) => {
    await using pair = await connected(fixture);
    // Unread bytes turn the close of a socket into a reset.
    await writeAll(pair.server, pattern(1000));
    await readExactly(pair.client, 1);
    const reading = drain(pair.server);
    pair.client.close();
    await reading.catch(isTransportError);
    await assert.rejects(async () => {
      for (;;) await pair.server.write(new Uint8Array(65536));
    }, isTransportError);
  },

  "backpressure: a writer waits for a reader that does not read": async (fixture) => {
    await using pair = await connected(fixture);
    const total = 64 * 1024 * 1024;
    const chunk = new Uint8Array(65536).fill(1);
    let sent = 0;
    const writing = (async () => {
      while (sent < total) sent += await pair.client.write(chunk);
      await pair.client.closeWrite();
    })();
    await filled(pair.server);
    let before = -1;
    // Without reads the writer blocks well before the end.
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(sent < total / 2, `${sent} bytes were taken without a reader`);
    const got = drain(pair.server);
    await writing;
    assert.equal((await got).bytes, sent - 1);
  },

  "close: the stream is released, with a read and a write under way": async (fixture) => {
    await using pair = await connected(fixture);
    const reading = pair.client.read(new Uint8Array(1));
    const writing = (async () => {
      for (;;) await pair.client.write(new Uint8Array(1 << 20));
    })();
    await writeAll(pair.server, new Uint8Array(1));
    await reading;
    const rejecting = [pair.client.read(new Uint8Array(1)), writing].map((one) =>
      assert.rejects(one, TransportError)
    );
    pair.client.close();
    await pair.client.released?.();
    await Promise.all(rejecting);
    pair.server.close();
    await pair.server.released?.();
  },

  "listener: close wakes accept and is idempotent": async (fixture) => {
    const listener = await fixture.listen();
    const accepting = listener.accept();
    await Promise.all([listener.close(), listener.close()]);
    assert.equal(await accepting, null);
    assert.equal(await listener.accept(), null);
  },

  "listener: connections outlive it": async (fixture) => {
    await using pair = await connected(fixture);
    await pair.listener.close();
    await writeAll(pair.client, pattern(10));
    assert.equal((await readExactly(pair.server, 10)).length, 10);
  },

  "listener: the address can be used again after close": async (fixture) => {
    const first = await fixture.listen();
    const accepting = first.accept();
    await first.close();
    const second = await fixture.listen();
    await second.close();
    assert.equal(await accepting, null);
  },

  "many connections at once": async (fixture) => {
    const listener = await fixture.listen();
    const count = 50;
    const serving = (async () => {
      const streams: Promise<void>[] = [];
      for (let i = 0; i < count; i++) {
        const stream = await listener.accept();
        streams.push((async () => {
          await stream!.handshake?.();
          const got = await readExactly(stream!, 300);
          await writeAll(stream!, got);
          await drain(stream!);
          stream!.close();
        })());
      }
      await Promise.all(streams);
    })();
    const clients = Array.from({ length: count }, async (_, i) => {
      const stream = await fixture.dial(listener);
      const message = pattern(300, i);
      await writeAll(stream, message);
      assert.deepEqual(await readExactly(stream, 300), message);
      await stream.closeWrite();
      stream.close();
    });
    await Promise.all([...clients, serving]);
    await listener.close();
  },

  "dial: rejects without a listener": async (fixture) => {
    if (fixture.dialWithoutListener === undefined) return;
    await assert.rejects(fixture.dialWithoutListener(), (error) => {
      isTransportError(error);
      assert.match((error as Error).message, /^Cannot connect to /);
      assert.ok((error as TransportError).address !== undefined);
      return true;
    });
  },

  "dial: times out": async (fixture) => {
    if (fixture.dialSilent === undefined) return;
    await assert.rejects(fixture.dialSilent({ timeoutMs: 50 }), (error) => {
      isTransportError(error);
      assert.match((error as Error).message, /timed out after 50 ms|is not listening on port/);
      return true;
    });
  },

  "dial: an abort ends it with the signal's reason": async (fixture) => {
    const listener = await fixture.listen();
    const reason = new Error("changed my mind");
    await assert.rejects(
      fixture.dial(listener, { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    await listener.close();
    if (fixture.dialSilent === undefined) return;
    const controller = new AbortController();
    const dialling = fixture.dialSilent({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(dialling, (error) => error === reason);
  },
} satisfies Record<string, Case>;

/** Resolves once a byte has arrived at `stream`, and leaves the rest unread. */
async function filled(stream: ByteStream): Promise<void> {
  await readExactly(stream, 1);
}

/** Registers every case for one transport. `reason` skips them all. */
export function transportSuite(
  name: string,
  make: () => Promise<Fixture> | Fixture,
  reason?: string,
): void {
  for (const [title, run] of Object.entries(cases) as [CaseName, Case][]) {
    Deno.test({
      name: `${name}: ${title}${reason === undefined ? "" : ` (skipped: ${reason})`}`,
      ignore: reason !== undefined,
      async fn(t) {
        const fixture = await make();
        try {
          const skip = fixture.skip?.[title];
          if (skip !== undefined) {
            await t.step({ name: `skipped: ${skip}`, ignore: true, fn: () => {} });
          } else await run(fixture);
        } finally {
          await fixture.cleanUp?.();
        }
      },
    });
  }
}
