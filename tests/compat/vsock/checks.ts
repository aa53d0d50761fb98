/**
 * Service with all kinds of methods, and checks that call it, for programs on both ends of a real vsock. The checks
 * do not need a half-close of the byte stream, which not every VMM supports.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Channel, Metadata, type Router, RpcError, Status } from "../../../mod.ts";

const text = new TextEncoder();
const plain = new TextDecoder();

/** Registers the methods that {@link runChecks} calls. */
export function addChecked(router: Router): void {
  router.method("/check/echo", { description: "sends the request back" }, (payload, ctx) => {
    const mark = ctx.metadata.get("x-mark");
    if (mark !== undefined) ctx.responseTrailers.set("x-mark", mark);
    return payload as Uint8Array;
  });
  router.method("/check/fail", {}, () => {
    throw new RpcError(Status.FAILED_PRECONDITION, "as asked", {
      metadata: new Metadata({ "x-why": "test" }),
    });
  });
  router.method(
    "/check/never",
    {},
    (_payload, ctx) =>
      new Promise<Uint8Array>((_, reject) =>
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))
      ),
  );
  router.method("/check/count", { kind: "server_streaming" }, async function* (payload) {
    for (let i = 0; i < Number(plain.decode(payload as Uint8Array)); i++) yield text.encode(`${i}`);
  });
  router.method("/check/sum", { kind: "client_streaming" }, async (payloads) => {
    let sum = 0;
    for await (const payload of payloads as AsyncIterable<Uint8Array>) sum += payload.length;
    return text.encode(`${sum}`);
  });
  router.method("/check/chat", { kind: "bidi_streaming" }, async function* (payloads) {
    for await (const payload of payloads as AsyncIterable<Uint8Array>) yield payload;
  });
}

function pattern(bytes: number): Uint8Array {
  return new Uint8Array(bytes).map((_, i) => i * 31);
}

/** Check. */
type Check = (channel: Channel) => Promise<void>;

const CHECKS: Record<string, Check> = {
  "unary, from empty to 1 MiB": async (channel) => {
    for (const size of [0, 1, 64, 4096, 65_536, 1 << 20]) {
      const payload = pattern(size);
      assert.deepEqual(await channel.call("/check/echo", payload), payload);
    }
  },
  "100 calls at once": async (channel) => {
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, i) => channel.call("/check/echo", text.encode(`call ${i}`))),
    );
    assert.deepEqual(replies.map((r) => plain.decode(r)), replies.map((_, i) => `call ${i}`));
  },
  "metadata and trailers": async (channel) => {
    let trailers = new Metadata();
    await channel.call("/check/echo", pattern(1), {
      metadata: { "x-mark": "here" },
      onTrailers: (t) => trailers = t,
    });
    assert.equal(trailers.get("x-mark"), "here");
  },
  "an error with its metadata": async (channel) => {
    await assert.rejects(channel.call("/check/fail", pattern(1)), (error: RpcError) => {
      assert.equal(error.code, Status.FAILED_PRECONDITION);
      assert.equal(error.message, "as asked");
      assert.equal(error.metadata.get("x-why"), "test");
      return true;
    });
  },
  "an unknown method": async (channel) => {
    await assert.rejects(
      channel.call("/check/nothing", pattern(1)),
      (error: RpcError) => error.code === Status.UNIMPLEMENTED,
    );
  },
  "a deadline": async (channel) => {
    await assert.rejects(
      channel.call("/check/never", pattern(1), { timeoutMs: 100 }),
      (error: RpcError) => error.code === Status.DEADLINE_EXCEEDED,
    );
  },
  "a cancelled call": async (channel) => {
    const controller = new AbortController();
    const call = channel.call("/check/never", pattern(1), { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(call, (error: RpcError) => error.code === Status.CANCELLED);
  },
  "a stream of 500 messages": async (channel) => {
    let next = 0;
    for await (const message of channel.stream("/check/count", text.encode("500"))) {
      assert.equal(plain.decode(message), `${next++}`);
    }
    assert.equal(next, 500);
  },
  "a session, 200 messages there and back": async (channel) => {
    await using session = await channel.session("/check/chat");
    for (let i = 0; i < 200; i++) {
      await session.send(text.encode(`${i}`));
      assert.equal(plain.decode((await session.receive())!), `${i}`);
    }
    await session.closeSend();
    assert.equal(await session.receive(), null);
  },
};

/** Runs every check on `channel` and prints a line for each; returns the number of failures. */
export async function runChecks(name: string, channel: Channel): Promise<number> {
  let failed = 0;
  for (const [what, check] of Object.entries(CHECKS)) {
    const start = performance.now();
    try {
      await check(channel);
      console.log(`${name}: ${what} ... ok (${(performance.now() - start).toFixed(0)} ms)`);
    } catch (error) {
      failed++;
      console.log(`${name}: ${what} ... FAILED`, error);
    }
  }
  console.log(`${name}: ${Object.keys(CHECKS).length - failed} ok, ${failed} failed`);
  return failed;
}
