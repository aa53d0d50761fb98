import assert from "node:assert/strict";
import { connect, type RpcError, serve, Status } from "../../../mod.ts";
import {
  addByteStream,
  type ByteStreamHandler,
  callByteStream,
} from "../../../src/rpc/byte_stream/mod.ts";
import { failure } from "../../../src/testing/failure.ts";

const MIB = 1024 * 1024;

/** A stream of `count` bytes that follow a pattern, in pieces of odd sizes. */
function source(count: number, piece = 40_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= count) return controller.close();
      const bytes = new Uint8Array(Math.min(piece, count - at));
      for (let i = 0; i < bytes.length; i++) bytes[i] = (at + i) % 251;
      at += bytes.length;
      controller.enqueue(bytes);
    },
  }, { highWaterMark: 0 });
}

/** Reads all and checks the pattern; resolves to the count. */
async function check(readable: ReadableStream<Uint8Array>): Promise<number> {
  let at = 0;
  for await (const bytes of readable) {
    for (let i = 0; i < bytes.length; i++) assert.equal(bytes[i], (at + i) % 251);
    at += bytes.length;
  }
  return at;
}

async function withServer(
  wire: "grpc" | "lean",
  handlers: Record<string, ByteStreamHandler>,
  run: (channel: ReturnType<typeof connect>) => Promise<void>,
): Promise<void> {
  await using server = await serve("127.0.0.1:0", (router) => {
    for (const [name, handler] of Object.entries(handlers)) {
      addByteStream(router, name, { description: "a test" }, handler);
    }
    router.method("/echo", {}, (request) => request);
  }, { maxReceiveMessageBytes: 100_000 });
  await using channel = connect(server.addresses[0], { wire });
  await run(channel);
  // The connection stays usable.
  const [reply] = await channel.call("/echo", new Uint8Array([7]));
  assert.equal(reply, 7);
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`byte streams: payloads may exceed the message limit, ${wire}`, async () => {
    await withServer(wire, {
      "/through": (stream) => stream.writeFrom(stream.readable, stream.remaining, 30_000),
    }, async (channel) => {
      const count = 8 * MIB + 3;
      const reply = await callByteStream(channel, "/through", source(count), { count });
      assert.equal(reply.length, count);
      assert.equal(await check(reply.readable), count);
    });
  });

  Deno.test(`byte streams: read() of any size, remaining, and writeNothing(), ${wire}`, async () => {
    const seen: unknown[] = [];
    await withServer(wire, {
      "/read": async (stream) => {
        seen.push(stream.remaining);
        let at = 0;
        for (const count of [0, 1, 50_000, 99_999]) {
          const bytes = await stream.read(count);
          seen.push(bytes.length, bytes[0] === undefined ? undefined : bytes[0] === at % 251);
          at += bytes.length;
        }
        seen.push(stream.remaining, (await stream.read(MIB)).length, stream.remaining);
        seen.push((await stream.read(1)).length);
        await stream.writeNothing();
      },
    }, async (channel) => {
      for (const count of [200_000, undefined]) {
        seen.length = 0;
        const reply = await callByteStream(channel, "/read", source(200_000), { count });
        assert.equal(reply.length, 0);
        assert.equal(await check(reply.readable), 0);
        const [first, left] = count ? [200_000, 50_000] : [Infinity, Infinity];
        assert.deepEqual(seen, [
          first,
          ...[0, undefined, 1, true, 50_000, true, 99_999, true],
          left,
          50_000,
          0,
          0,
        ]);
      }
    });
  });

  Deno.test(`byte streams: unread request bytes are discarded, ${wire}`, async () => {
    await withServer(wire, {
      "/part": async (stream) => {
        const bytes = await stream.read(10);
        await stream.write(bytes);
      },
      "/fail": (stream) => stream.fail(Status.NOT_FOUND, "no such file"),
    }, async (channel) => {
      const reply = await callByteStream(channel, "/part", source(4 * MIB), { count: 4 * MIB });
      assert.equal(await check(reply.readable), 10);
      const error = await failure(callByteStream(channel, "/fail", source(MIB)));
      assert.equal(error.code, Status.NOT_FOUND);
    });
  });

  Deno.test(`byte streams: a handler that replies wrongly gets a TypeError, its caller INTERNAL, ${wire}`, async () => {
    const thrown: string[] = [];
    const noting = (handler: ByteStreamHandler): ByteStreamHandler => async (stream, context) => {
      try {
        await handler(stream, context);
      } catch (error) {
        thrown.push(
          (error as Error).constructor === TypeError ? "plain" : (error as Error).message,
        );
        assert.ok(error instanceof TypeError);
        // Catching the error does not help.
      }
    };
    await withServer(wire, {
      "/never": noting(() => {}),
      "/twice": noting(async (stream) => {
        await stream.write(new Uint8Array([0, 1, 2]));
        await stream.write(new Uint8Array([0, 1, 2]));
      }),
      "/fewer": noting((stream) => stream.writeFrom(source(5), 6)),
      "/more": noting((stream) => stream.writeFrom(source(7), 6)),
    }, async (channel) => {
      for (const path of ["/never", "/twice", "/fewer", "/more"]) {
        const error = await failure(
          callByteStream(channel, path, new Uint8Array(0)).then((reply) => check(reply.readable)),
        );
        assert.equal(error.code, Status.INTERNAL, path);
      }
    });
    assert.equal(thrown.length, 3);
    assert.match(thrown[0], /replied twice/);
    assert.match(thrown[1], /announced 6 bytes and wrote 5/);
    assert.match(thrown[2], /announced 6 bytes and wrote 7/);
  });

  Deno.test(`byte streams: a request of another length than announced ends with INVALID_ARGUMENT, ${wire}`, async () => {
    await withServer(wire, {
      "/read": async (stream) => {
        await stream.read(100_000);
        await stream.writeNothing();
      },
    }, async (channel) => {
      for (const count of [10, 60_000]) {
        const error = await failure(callByteStream(channel, "/read", source(50_000), { count }));
        assert.equal(error.code, Status.INVALID_ARGUMENT);
      }
      const metadata = { "vrpc-length": "many" };
      const error = await failure(callByteStream(channel, "/read", source(5), { metadata }));
      assert.equal(error.code, Status.INVALID_ARGUMENT);
    });
  });

  Deno.test(`byte streams: a failing source cancels the call and rejects with its own error, ${wire}`, async () => {
    const started = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<unknown>();
    await withServer(wire, {
      "/read": async (stream) => {
        started.resolve();
        try {
          await stream.read(MIB);
        } catch (error) {
          ended.resolve(error);
          throw error;
        }
      },
    }, async (channel) => {
      const broken = new ReadableStream<Uint8Array>({
        async pull(controller) {
          controller.enqueue(new Uint8Array(5));
          await started.promise;
          controller.error(new Error("the disk is gone"));
        },
      });
      await assert.rejects(callByteStream(channel, "/read", broken), /the disk is gone/);
      assert.equal((await ended.promise as RpcError).code, Status.CANCELLED);
    });
  });

  Deno.test(`byte streams: cancelling the reply before the first read cancels the call, ${wire}`, async () => {
    const cancelled = Promise.withResolvers<void>();
    await withServer(wire, {
      "/large": async (stream, { signal }) => {
        signal.addEventListener("abort", () => cancelled.resolve());
        await stream.write(new Uint8Array(20 * MIB));
      },
    }, async (channel) => {
      const { readable } = await callByteStream(channel, "/large", new Uint8Array(0));
      await readable.cancel();
      await cancelled.promise;
      assert.equal(channel.stats().activeCalls, 0);
    });
  });

  Deno.test(`byte streams: an invalid announced length ends the call, ${wire}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/broken", { kind: "bidi_streaming" }, async function* (_, context) {
        context.responseHeaders.set("vrpc-length", "abc");
        context.sendHeaders();
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
        yield new Uint8Array(0);
      });
    });
    await using channel = connect(server.addresses[0], { wire });
    // More than a flow-control window: sending waits, because the handler does not read.
    const call = callByteStream(channel, "/broken", new Uint8Array(5 * MIB));
    assert.match((await failure(call)).message, /^Cannot read vrpc-length "abc"$/);
    assert.equal(channel.stats().activeCalls, 0);
  });
}
