// Messages whose memory the application detaches or resizes after it has passed them on: only their call may fail.

import assert from "node:assert/strict";
import { Metadata, type Router, RpcError, Status } from "../../../mod.ts";
import { failure } from "../../../src/testing/failure.ts";
import { testServer } from "../../../src/testing/mod.ts";

const BYTES = 3_000_000;
const NOTHING = new Uint8Array();

type Take = (count: number) => { message: Uint8Array; take: () => void };

/** Ways to take the memory of a message away. */
const TAKES: Record<string, Take> = {
  transferred(count) {
    const message = new Uint8Array(count);
    return { message, take: () => void structuredClone(message, { transfer: [message.buffer] }) };
  },
  "of a WebAssembly memory that grows"(count) {
    const memory = new WebAssembly.Memory({ initial: Math.ceil(count / 65_536), maximum: 1_000 });
    return { message: new Uint8Array(memory.buffer, 0, count), take: () => void memory.grow(1) };
  },
  "of a buffer that shrinks"(count) {
    const buffer = new ArrayBuffer(count, { maxByteLength: count * 2 });
    return { message: new Uint8Array(buffer), take: () => buffer.resize(0) };
  },
  "of a buffer that grows"(count) {
    const buffer = new ArrayBuffer(count, { maxByteLength: count * 2 });
    return { message: new Uint8Array(buffer), take: () => buffer.resize(count + 1) };
  },
};

function methods(take: Take): (router: Router) => void {
  const lost = () => {
    const { message, take: takeAway } = take(BYTES);
    queueMicrotask(takeAway);
    return message;
  };
  return (router) => {
    router.method("/single", {}, lost);
    router.method("/several", { kind: "server_streaming" }, async function* () {
      yield NOTHING;
      const { message, take: takeAway } = take(BYTES);
      yield message;
      takeAway();
      yield NOTHING;
    });
    router.method("/echo", {}, (request) => request);
    router.method("/open", {}, (_, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => resolve(NOTHING));
      }));
  };
}

/** Awaits a result that is either the message as it was, or an RpcError with INTERNAL. */
async function isLostOrWhole(call: Promise<Uint8Array>): Promise<void> {
  try {
    assert.equal((await call).length, BYTES);
  } catch (error) {
    assert.ok(error instanceof RpcError, String(error));
    assert.equal(error.code, Status.INTERNAL, error.message);
  }
}

async function secondOf(replies: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  let second: Uint8Array = NOTHING;
  let count = 0;
  for await (const reply of replies) if (++count === 2) second = reply;
  return second;
}

for (const wire of ["grpc", "lean"] as const) {
  for (const [name, take] of Object.entries(TAKES)) {
    Deno.test(`${wire}: a reply ${name} costs its call only`, async () => {
      await using rig = await testServer(methods(take), { connect: { wire } });
      const { channel } = rig;
      let ended = false;
      const open = new AbortController();
      const other = channel.call("/open", NOTHING, { signal: open.signal }).finally(() => {
        ended = true;
      });
      other.catch(() => {});
      await isLostOrWhole(channel.call("/single", NOTHING, { timeoutMs: 5_000 }));
      await isLostOrWhole(secondOf(channel.stream("/several", NOTHING)));
      await channel.call("/echo", NOTHING, { timeoutMs: 5_000 });
      assert.equal(ended, false, "another call of the connection ended");
      open.abort();
    });

    Deno.test(`${wire}: a request ${name} costs its call only`, async () => {
      await using rig = await testServer(methods(take), { connect: { wire } });
      const { channel } = rig;
      let ended = false;
      const open = new AbortController();
      const other = channel.call("/open", NOTHING, { signal: open.signal }).finally(() => {
        ended = true;
      });
      other.catch(() => {});
      await channel.call("/echo", NOTHING);
      const { message, take: takeAway } = take(BYTES);
      const call = channel.call("/echo", message, { timeoutMs: 5_000 });
      queueMicrotask(takeAway);
      await isLostOrWhole(call as Promise<Uint8Array>);
      await channel.call("/echo", NOTHING, { timeoutMs: 5_000 });
      assert.equal(ended, false, "another call of the connection ended");
      open.abort();
    });

    Deno.test(`${wire}: a request ${name} before there is a connection fails`, async () => {
      await using rig = await testServer(methods(take), { connect: { wire } });
      const { message, take: takeAway } = take(1_000);
      const call = rig.channel.call("/echo", message, { timeoutMs: 5_000 });
      takeAway();
      const error = await failure(call);
      assert.equal(error.code, Status.INTERNAL);
      assert.match(error.message, /its buffer was detached or resized/);
    });
  }

  Deno.test(`${wire}: metadata whose bytes were detached costs its call only`, async () => {
    const detached = () => {
      const bytes = new Uint8Array(3);
      const metadata = new Metadata({ "x-bin": bytes });
      structuredClone(bytes, { transfer: [bytes.buffer] });
      return metadata;
    };
    await using rig = await testServer((router) => {
      router.method("/echo", {}, (request) => request);
      router.method("/open", {}, (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(NOTHING));
        }));
      const methods = { "/headers": "responseHeaders", "/trailers": "responseTrailers" } as const;
      for (const [path, name] of Object.entries(methods)) {
        router.method(path, {}, (request, context) => {
          const bytes = new Uint8Array(3);
          context[name].set("x-bin", bytes);
          structuredClone(bytes, { transfer: [bytes.buffer] });
          return request;
        });
      }
      router.method("/error", {}, () => {
        throw new RpcError(Status.NOT_FOUND, "no order", { metadata: detached() });
      });
    }, { connect: { wire } });
    const { channel } = rig;
    let ended = false;
    const open = new AbortController();
    const other = channel.call("/open", NOTHING, { signal: open.signal }).finally(() => {
      ended = true;
    });
    other.catch(() => {});
    for (const path of ["/headers", "/trailers", "/error"]) {
      const error = await failure(channel.call(path, NOTHING, { timeoutMs: 5_000 }));
      assert.equal(error.code, Status.INTERNAL, `${path}: ${error}`);
    }
    const error = await failure(channel.call("/echo", NOTHING, { metadata: detached() }));
    assert.equal(error.code, Status.INTERNAL);
    await channel.call("/echo", NOTHING, { timeoutMs: 5_000 });
    assert.equal(ended, false, "another call of the connection ended");
    open.abort();
  });
}
