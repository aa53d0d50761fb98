/**
 * Calls every method of the service `test.Kinds` of peer.mjs with vrpc. Prints a line of JSON for each case:
 * `{"name", "failure"?}`.
 *
 *     our_client.ts ADDRESS
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type CallOptions,
  type Channel,
  connect,
  Metadata,
  RpcError,
  Status,
} from "../../../mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const plain = (bytes: Uint8Array) => new Uint8Array(bytes);

function isStatus(code: Status, text?: string) {
  return (error: unknown) =>
    error instanceof RpcError && error.code === code && (!text || error.message === text);
}

async function collect(messages: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all = [];
  for await (const message of messages) all.push(message);
  return all;
}

async function cancelledCalls(channel: Channel): Promise<number> {
  return Number(decode(await channel.call("/test.Kinds/Count", new Uint8Array())));
}

async function untilCancelled(channel: Channel, count: number): Promise<void> {
  while (await cancelledCalls(channel) < count) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const CASES: Record<string, (channel: Channel, options: CallOptions) => Promise<void>> = {
  async "unary"(channel, options) {
    for (const request of [new Uint8Array(), encode("hello")]) {
      assert.deepEqual(plain(await channel.call("/test.Kinds/Unary", request, options)), request);
    }
  },

  async "unary, 3 MiB"(channel, options) {
    const request = new Uint8Array(3 << 20).map((_, i) => i % 97);
    assert.deepEqual(plain(await channel.call("/test.Kinds/Unary", request, options)), request);
  },

  async "500 unary calls at once"(channel, options) {
    const texts = Array.from({ length: 500 }, (_, i) => `call ${i}`);
    const replies = await Promise.all(
      texts.map((text) => channel.call("/test.Kinds/Unary", encode(text), options)),
    );
    assert.deepEqual(replies.map(decode), texts);
  },

  async "client streaming"(channel, options) {
    await using session = await channel.session("/test.Kinds/Collect", options);
    const parts = Array.from({ length: 100 }, (_, i) => `${i},`);
    for (const part of parts) await session.send(encode(part));
    await session.closeSend();
    assert.equal(decode((await session.receive())!), parts.join(""));
    assert.equal(await session.receive(), null);
  },

  async "server streaming"(channel, options) {
    const request = new Uint8Array(1000).map((_, i) => i);
    const messages = await collect(channel.stream("/test.Kinds/Split", request, options));
    assert.deepEqual(messages.map((message) => message[0]), [...request]);
  },

  async "server streaming, no message"(channel, options) {
    const messages = await collect(channel.stream("/test.Kinds/Split", new Uint8Array(), options));
    assert.equal(messages.length, 0);
  },

  async "bidirectional, in turns"(channel, options) {
    await using session = await channel.session("/test.Kinds/Echo", options);
    for (let i = 0; i < 20; i++) {
      await session.send(encode(`turn ${i}`));
      assert.equal(decode((await session.receive())!), `turn ${i}`);
    }
    await session.closeSend();
    assert.equal(await session.receive(), null);
  },

  async "bidirectional, 5 MiB"(channel, options) {
    await using session = await channel.session("/test.Kinds/Echo", options);
    const part = new Uint8Array(64 << 10).fill(120);
    const sending = (async () => {
      for (let i = 0; i < 80; i++) await session.send(part.slice());
      await session.closeSend();
    })();
    let bytes = 0;
    for (let message; (message = await session.receive()) !== null;) bytes += message.length;
    await sending;
    assert.equal(bytes, 80 * part.length);
  },

  async "metadata both ways, repeated and binary"(channel, options) {
    const metadata = new Metadata([
      ["x-text", "one"],
      ["x-text", "two"],
      ["x-bytes-bin", new Uint8Array([0, 1, 254, 255])],
      ["x-bytes-bin", new Uint8Array([7])],
    ]);
    let headers = new Metadata();
    let trailers = new Metadata();
    await channel.call("/test.Kinds/Metadata", encode("x"), {
      ...options,
      metadata,
      onHeaders: (received) => headers = received,
      onTrailers: (received) => trailers = received,
    });
    const texts = (from: Metadata, key: string) =>
      from.getAll(key).flatMap((value) => value.split(/,\s*/));
    const bytes = (from: Metadata, key: `${string}-bin`) =>
      from.getAll(key).map((value) => [...value]);
    assert.deepEqual(texts(headers, "x-text"), ["one", "two"]);
    assert.deepEqual(texts(trailers, "tx-text"), ["one", "two"]);
    assert.deepEqual(bytes(headers, "x-bytes-bin"), [[0, 1, 254, 255], [7]]);
    assert.deepEqual(bytes(trailers, "tx-bytes-bin"), [[0, 1, 254, 255], [7]]);
  },

  async "errors with text and trailers"(channel, options) {
    for (const code of [1, 5, 9, 16] as Status[]) {
      const text = `Nicht gefunden: 50 % — 世界 ${code}`;
      const request = new Uint8Array([code, ...encode(text)]);
      const error = await channel.call("/test.Kinds/Fail", request, options)
        .then(() => assert.fail("no error"), (error) => error);
      assert.ok(isStatus(code, text)(error), String(error));
      assert.equal(error.metadata.get("x-why"), "because");
      assert.deepEqual([...error.metadata.get("x-why-bin")], [0, 255]);
    }
  },

  async "an error after a message"(channel, options) {
    const messages: string[] = [];
    await assert.rejects(async () => {
      for await (const message of channel.stream("/test.Kinds/Break", encode("first"), options)) {
        messages.push(decode(message));
      }
    }, isStatus(Status.DATA_LOSS, "broken"));
    assert.deepEqual(messages, ["first"]);
  },

  async "a method that isn't there"(channel, options) {
    await assert.rejects(
      channel.call("/test.Kinds/Missing", new Uint8Array(), options),
      isStatus(Status.UNIMPLEMENTED),
    );
  },

  async "a deadline"(channel, options) {
    const before = await cancelledCalls(channel);
    await assert.rejects(
      channel.call("/test.Kinds/Sleep", new Uint8Array(), { ...options, timeoutMs: 50 }),
      isStatus(Status.DEADLINE_EXCEEDED),
    );
    await untilCancelled(channel, before + 1);
  },

  async "cancellation by the client"(channel, options) {
    const before = await cancelledCalls(channel);
    const controller = new AbortController();
    const call = channel.call("/test.Kinds/Sleep", new Uint8Array(), {
      ...options,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(call, isStatus(Status.CANCELLED));
    await untilCancelled(channel, before + 1);
  },

  async "cancellation in the middle of a stream"(channel, options) {
    const controller = new AbortController();
    const session = await channel.session("/test.Kinds/Echo", {
      ...options,
      signal: controller.signal,
    });
    await session.send(encode("one"));
    assert.equal(decode((await session.receive())!), "one");
    controller.abort();
    await assert.rejects(session.receive(), isStatus(Status.CANCELLED));
  },

  async "a message over the receiver's limit"(channel, options) {
    await assert.rejects(
      channel.call("/test.Kinds/Unary", new Uint8Array((4 << 20) + 1), options),
      isStatus(Status.RESOURCE_EXHAUSTED),
    );
  },
};

// Both channels stay open: grpc-js on Deno may abort on GOAWAY.
await using plainChannel = connect(Deno.args[0]);
await using zippedChannel = connect(Deno.args[0]);

const ROUNDS = [
  { channel: plainChannel, compress: false, suffix: "" },
  { channel: zippedChannel, compress: true, suffix: ", gzip" },
];
for (const { channel, compress, suffix } of ROUNDS) {
  for (const [name, run] of Object.entries(CASES)) {
    let failure: string | undefined;
    try {
      await run(channel, { compress });
    } catch (error) {
      failure = error instanceof Error ? error.stack : String(error);
    }
    console.log(JSON.stringify({ name: name + suffix, failure }));
  }
}
