/**
 * The guest kit in the story: what the enclave reaches through its parent, and what the parent gives it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import { addLogReceiver, measureClock, sendStartup, serveEgress } from "../../../src/guest/mod.ts";
import { listen, type Listener } from "../../../src/transport/mod.ts";
import type { ByteStream } from "../../../src/transport/types.ts";
import { until } from "../../fixtures/waiting.ts";
import { type Enclave, type Line, PORTS } from "./rig.ts";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Growth of a process that moves 1 GiB. */
const MAX_GROWTH_MIB = 64;
const NAME = "files.example";

const text = new TextEncoder();
const plain = new TextDecoder();

/** Sends as many bytes as the first line of a connection asks for. */
async function sendBytes(stream: ByteStream): Promise<void> {
  const buffer = new Uint8Array(65_536);
  const count = await stream.read(buffer);
  let left = Number(plain.decode(buffer.subarray(0, count ?? 0)));
  while (left > 0) left -= await stream.write(buffer.subarray(0, Math.min(left, buffer.length)));
  await stream.closeWrite();
}

/** A host outside, on this machine. */
async function outside(): Promise<AsyncDisposable & { port: number }> {
  const listener: Listener = await listen("127.0.0.1:0");
  const accepting = (async () => {
    for (let one; (one = await listener.accept()) !== null;) {
      const stream = one;
      sendBytes(stream).catch(() => {}).finally(() => stream.close());
    }
  })();
  return {
    port: Number(listener.address.split(":").at(-1)),
    async [Symbol.asyncDispose]() {
      await listener.close();
      await accepting;
    },
  };
}

/** Has the enclave do something, with its answer as text. */
async function ask(enclave: Enclave, path: string, payload: string): Promise<string> {
  await using channel = connect(enclave.address(PORTS.kit), {
    connectTimeoutMs: 30_000,
    poolSize: 1,
  });
  const answer = await channel.call(path, text.encode(payload), { timeoutMs: 300_000 });
  return plain.decode(answer);
}

/** Serves egress of the enclave to a host outside, while `body` runs. */
async function withEgress(
  enclave: Enclave,
  body: (port: number) => Promise<string>,
): Promise<string> {
  await using host = await outside();
  await using _proxy = await serveEgress(enclave.address(PORTS.egress), {
    allow: [`${NAME}:${host.port}`, "inside.example:443"],
    allowAddresses: ["127.0.0.0/8"],
    resolver: (name, port) =>
      Promise.resolve([{
        kind: "tcp",
        host: name === NAME ? "127.0.0.1" : "169.254.169.254",
        port,
      }]),
  });
  return await body(host.port);
}

/** Lines of the kit; the enclave runs. */
export const KIT: readonly Line[] = [
  {
    name: "egress to an allowed name",
    run: (enclave) =>
      withEgress(enclave, async (port) => {
        assert.match(await ask(enclave, "/kit/read", `${NAME}:${port} 1000`), /^1000 bytes/);
        return "ok";
      }),
  },
  {
    name: "egress to a forbidden name, port and address",
    run: (enclave) =>
      withEgress(enclave, async (port) => {
        for (const destination of [`evil.example:${port}`, `${NAME}:1`, `127.0.0.1:${port}`]) {
          const answer = await ask(enclave, "/kit/read", `${destination} 1`);
          assert.match(answer, /is not an allowed destination \(403\)$/);
        }
        const answer = await ask(enclave, "/kit/read", "inside.example:443 1");
        assert.match(answer, /leads to 169\.254\.169\.254, a link-local address.*\(403\)$/);
        return "refused";
      }),
  },
  {
    name: "1 GiB by egress, memory flat",
    run: (enclave) =>
      withEgress(enclave, async (port) => {
        await ask(enclave, "/kit/read", `${NAME}:${port} ${64 * MIB}`);
        const before = Deno.memoryUsage().rss;
        let most = before;
        const timer = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 100);
        const startMs = performance.now();
        const answer = await ask(enclave, "/kit/read", `${NAME}:${port} ${GIB}`);
        const seconds = (performance.now() - startMs) / 1_000;
        clearInterval(timer);
        const [, bytes, guestMib] = /^(\d+) bytes, (-?\d+) MiB more$/.exec(answer) ?? [];
        assert.equal(Number(bytes), GIB, answer);
        const parentMib = (most - before) / MIB;
        assert.ok(parentMib < MAX_GROWTH_MIB, `the parent grew by ${parentMib} MiB`);
        assert.ok(Number(guestMib) < MAX_GROWTH_MIB, `the enclave grew by ${guestMib} MiB`);
        const rate = (1_024 / seconds).toFixed(0);
        return `${rate} MiB/s, parent ${
          parentMib.toFixed(0)
        } MiB more, enclave ${guestMib} MiB more`;
      }),
  },
  {
    name: "a start-up call brings secrets, once",
    async run(enclave) {
      const address = enclave.address(PORTS.startup);
      await sendStartup(address, { config: { a: 1 }, secrets: { key: "hunter2" } });
      assert.equal(await ask(enclave, "/kit/startup", ""), '{"a":1} hunter2');
      await assert.rejects(sendStartup(address, {}, { timeoutMs: 2_000 }));
      assert.ok(!enclave.console.some((line) => line.includes("hunter2")));
    },
  },
  {
    name: "log records reach the parent",
    async run(enclave) {
      const messages: string[] = [];
      await using _server = await serve(enclave.address(PORTS.logs), (router) => {
        addLogReceiver(router, { onRecord: ({ message }) => messages.push(message) });
      });
      await ask(enclave, "/kit/log", "200");
      await until(() => messages.length >= 200, 60_000);
      assert.deepEqual(messages, Array.from({ length: 200 }, (_, i) => `Record ${i}`));
    },
  },
  {
    name: "the offset of the enclave's clock",
    async run(enclave) {
      await using channel = connect(enclave.address(PORTS.kit), { poolSize: 1 });
      const { offsetMs, delayMs } = await measureClock(channel);
      assert.ok(Math.abs(offsetMs) < 60_000);
      return `${offsetMs.toFixed(1)} ms, delay ${delayMs.toFixed(1)} ms`;
    },
  },
];
