import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { streamFrom } from "../../src/transport/custom.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { ByteStreamDuplex } from "../../src/transport/node_duplex.ts";
import { startTls } from "../../src/transport/tls.ts";
import type { ByteStream, Listener } from "../../src/transport/types.ts";
import { type Fixture, readExactly, transportSuite, writeAll } from "./suite.ts";

/** A ByteStream's two directions as web streams without queues of their own. */
function webStreams(stream: ByteStream) {
  return {
    readable: new ReadableStream<Uint8Array>({
      async pull(controller) {
        const buffer = new Uint8Array(5000);
        const count = await stream.read(buffer);
        if (count === null) controller.close();
        else controller.enqueue(buffer.subarray(0, count));
      },
      cancel: () => stream.close(),
    }, { highWaterMark: 0 }),
    writable: new WritableStream<Uint8Array>({
      write: (chunk) => writeAll(stream, chunk),
      close: () => stream.closeWrite(),
      abort: () => stream.close(),
    }),
  };
}

/** A memory fixture whose streams pass through `wrap` on both ends. */
function wrapped(wrap: (stream: ByteStream) => ByteStream): Fixture {
  const address = `memory:${crypto.randomUUID()}`;
  return {
    transport: "custom",
    async listen(): Promise<Listener> {
      const listener = await listen(address);
      return {
        address: listener.address,
        async accept() {
          const stream = await listener.accept();
          return stream === null ? null : wrap(stream);
        },
        close: () => listener.close(),
      };
    },
    async dial(listener, options) {
      return wrap(await dial(listener.address, options));
    },
  };
}

/** A duplex stream as applications write them: the reader owns its chunks. */
class KeepableDuplex extends ByteStreamDuplex {
  override push(chunk: Uint8Array | null): boolean {
    return super.push(chunk === null ? null : new Uint8Array(chunk));
  }
}

transportSuite("custom (web streams)", () => wrapped((stream) => streamFrom(webStreams(stream))));
transportSuite(
  "custom (node duplex)",
  () => wrapped((stream) => streamFrom(new KeepableDuplex(stream))),
);

Deno.test("streamFrom() has the given address and transport", () => {
  const names = { address: "pipe:1", localAddress: "pipe:2", transport: "pipe" };
  const [near, far] = memoryPair();
  for (const source of [webStreams(near), new KeepableDuplex(far)]) {
    const stream = streamFrom(source, names);
    assert.deepEqual(stream.peer, { address: "pipe:1", transport: "pipe" });
    assert.equal(stream.localAddress, "pipe:2");
    stream.close();
  }
});

Deno.test("streamFrom() reports the error of the wrapped stream", async () => {
  const stream = streamFrom({
    readable: new ReadableStream({
      pull() {
        throw new Error("cable cut");
      },
    }),
    writable: new WritableStream(),
  });
  await assert.rejects(stream.read(new Uint8Array(1)), /^TransportError: .* broke: cable cut$/);
  stream.close();
  const duplex = new Duplex({ read() {}, write() {} });
  const broken = streamFrom(duplex);
  const reading = broken.read(new Uint8Array(1));
  duplex.destroy(new Error("cable cut"));
  await assert.rejects(reading, /^TransportError: .* broke: cable cut$/);
});

Deno.test("startTls() fails on a stream that does not speak TLS", async () => {
  const [near, far] = memoryPair();
  const failing = startTls(near);
  await readExactly(far, 1);
  await writeAll(far, new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await assert.rejects(
    failing,
    /TLS handshake with memory:pair failed: the peer does not speak TLS$/,
  );
  far.close();
});
