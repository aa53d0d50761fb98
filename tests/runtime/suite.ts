/**
 * What each runtime has to do, as cases that run on any of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RawConn, RawListener, Runtime } from "../../src/runtime/types.ts";

const BACKLOG = { reusePort: false, backlog: 16 };

/** Registers the cases for one runtime. */
export function testRuntime(name: string, runtime: Runtime): void {
  const test = (title: string, run: () => Promise<void> | void) =>
    Deno.test(`${name}: ${title}`, run);
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(() => "none", (error) => runtime.errorCode(error));

  /** Both ends of a connection over TCP, and its listener. */
  async function pair() {
    const listener = await runtime.listenTcp("127.0.0.1", 0, BACKLOG);
    const accepting = listener.accept();
    const client = await runtime.connectTcp("127.0.0.1", listener.addr.port, undefined);
    const server = await accepting;
    return {
      listener,
      client,
      server,
      [Symbol.dispose]: () => [client, server, listener].forEach(closeQuietly),
    };
  }

  test("tcp: both ends know both addresses", async () => {
    using ends = await pair();
    const { client, server, listener } = ends;
    assert.equal(listener.addr.hostname, "127.0.0.1");
    assert.equal(client.remoteAddr.port, listener.addr.port);
    assert.equal(server.localAddr.port, listener.addr.port);
    assert.deepEqual(
      { ...client.localAddr, transport: undefined },
      { ...server.remoteAddr, transport: undefined },
    );
  });

  test("tcp: bytes arrive in order, in pieces as large as the buffer at most", async () => {
    using ends = await pair();
    const sent = new Uint8Array(300_000).map((_, i) => i * 7);
    const writing = writeAll(ends.client, sent);
    const got = await readAll(ends.server, sent.length, 1_000);
    await writing;
    assert.deepEqual(got, sent);
  });

  test("tcp: a half-close ends the peer's reads, and the other direction goes on", async () => {
    using ends = await pair();
    await ends.client.closeWrite();
    assert.equal(await ends.server.read(new Uint8Array(8)), null);
    await writeAll(ends.server, new Uint8Array([1, 2, 3]));
    assert.deepEqual(await readAll(ends.client, 3, 8), new Uint8Array([1, 2, 3]));
  });

  test("tcp: a writer waits for a reader", async () => {
    using ends = await pair();
    let written = 0;
    const writing = (async () => {
      // Far more than the buffers of both ends and of the system hold.
      for (const part = new Uint8Array(65_536); written < 64 * 1_048_576;) {
        written += await ends.client.write(part);
      }
    })().catch(() => {});
    let before = -1;
    while (before !== written) {
      before = written;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(written < 64 * 1_048_576, `${written} bytes were written`);
    ends.client.close();
    await writing;
  });

  test("tcp: a close rejects a pending read with EBADF or EINTR", async () => {
    using ends = await pair();
    const reading = codeOf(ends.client.read(new Uint8Array(8)));
    ends.client.close();
    assert.match(`${await reading}`, /^(?:EBADF|EINTR)$/);
    assert.equal(await codeOf(ends.client.read(new Uint8Array(8))), "EBADF");
  });

  test("tcp: a refused connection has the code ECONNREFUSED", async () => {
    const listener = await runtime.listenTcp("127.0.0.1", 0, BACKLOG);
    const { port } = listener.addr;
    listener.close();
    assert.equal(await codeOf(runtime.connectTcp("127.0.0.1", port, undefined)), "ECONNREFUSED");
  });

  test("tcp: an address in use has the code EADDRINUSE", async () => {
    const listener = await runtime.listenTcp("127.0.0.1", 0, BACKLOG);
    const again = runtime.listenTcp("127.0.0.1", listener.addr.port, BACKLOG);
    assert.equal(await codeOf(again), "EADDRINUSE");
    listener.close();
  });

  test("tcp: a signal that has fired ends a connection attempt", async () => {
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const listener = await runtime.listenTcp("127.0.0.1", 0, BACKLOG);
    const connecting = runtime.connectTcp("127.0.0.1", listener.addr.port, signal);
    await assert.rejects(connecting, (error) => error === reason);
    listener.close();
  });

  test("listener: a close rejects a pending accept, and frees the address", async () => {
    const listener = await runtime.listenTcp("127.0.0.1", 0, BACKLOG);
    const accepting = codeOf(listener.accept());
    listener.close();
    assert.match(`${await accepting}`, /^(?:EBADF|EINTR)$/);
    (await runtime.listenTcp("127.0.0.1", listener.addr.port, BACKLOG)).close();
  });

  test("listener: connections that came before accept are not lost", async () => {
    const listener = await runtime.listenTcp("127.0.0.1", 0, BACKLOG);
    const dials = [1, 2, 3].map(() =>
      runtime.connectTcp("127.0.0.1", listener.addr.port, undefined)
    );
    const clients = await Promise.all(dials);
    for (const client of clients) await writeAll(client, new Uint8Array([9]));
    for (const _ of clients) {
      const server = await listener.accept();
      assert.deepEqual(await readAll(server, 1, 8), new Uint8Array([9]));
      server.close();
    }
    for (const one of [...clients, listener]) one.close();
  });

  test("unix: bytes there and back", async () => {
    const path = folder();
    const listener: RawListener<RawConn> = await runtime.listenUnix(join(path, "s"));
    const accepting = listener.accept();
    const client = await runtime.connectUnix(join(path, "s"));
    const server = await accepting;
    await writeAll(client, new Uint8Array([1, 2]));
    assert.deepEqual(await readAll(server, 2, 8), new Uint8Array([1, 2]));
    for (const one of [client, server, listener]) one.close();
    rmSync(path, { recursive: true });
  });

  test("unix: a missing socket has the code ENOENT, one without a listener ECONNREFUSED", async () => {
    assert.equal(await codeOf(runtime.connectUnix("/nowhere/s")), "ENOENT");
    assert.equal(await codeOf(runtime.connectUnix("/etc/hostname")), "ECONNREFUSED");
  });

  test("names: a name has its addresses, by type", async () => {
    const options = { nameServer: undefined, signal: new AbortController().signal };
    assert.deepEqual(await runtime.resolve("localhost", "A", options), ["127.0.0.1"]);
  });

  test("names: a signal ends the wait for an answer", async () => {
    const controller = new AbortController();
    const options = { nameServer: undefined, signal: controller.signal };
    const resolving = runtime.resolve("localhost", "A", options);
    controller.abort();
    await assert.rejects(resolving);
  });

  test("timers: an unreferenced timer still fires", async () => {
    await new Promise<void>((resolve) => {
      runtime.unref(setTimeout(resolve, 1));
      setTimeout(() => {}, 20);
    });
  });

  test("listeners of events: an exception is passed on, and does not end the process", async () => {
    const controller = runtime.newAbortController();
    let others = 0;
    controller.signal.addEventListener("abort", () => {
      throw new Error("listener");
    });
    controller.signal.addEventListener("abort", () => others++);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    runtime.catchListenerErrors(() => controller.abort(), resolve);
    assert.equal((await promise as Error).message, "listener");
    assert.equal(others, 1);
  });

  test("listeners of events: those of `onabort`, objects and removed ones are as usual", () => {
    const controller = runtime.newAbortController();
    const { signal } = controller;
    const seen: unknown[] = [];
    const note = () => seen.push("function");
    const object = { handleEvent: () => seen.push("object") };
    signal.addEventListener("abort", note);
    signal.addEventListener("abort", note);
    signal.addEventListener("abort", object, { once: true });
    const removed = () => assert.fail("a removed listener is called");
    signal.addEventListener("abort", removed);
    signal.removeEventListener("abort", removed);
    signal.onabort = function (this: AbortSignal) {
      seen.push(this === signal);
      throw new Error("onabort");
    };
    assert.equal(typeof signal.onabort, "function");
    assert.ok(signal instanceof AbortSignal);
    runtime.catchListenerErrors(() => controller.abort("why"), (error) => seen.push(`${error}`));
    assert.deepEqual(seen, ["function", "object", true, "Error: onabort"]);
    assert.ok(AbortSignal.any([signal]).aborted);
  });

  test("listeners of events: process.nextTick stays as it is", () => {
    const { nextTick } = process;
    const controller = runtime.newAbortController();
    controller.signal.addEventListener("abort", () => assert.equal(process.nextTick, nextTick));
    runtime.catchListenerErrors(() => controller.abort(), (error) => assert.fail(error as Error));
  });

  test("listeners of events: a rejected promise of a listener is the program's own", async () => {
    const controller = runtime.newAbortController();
    const rejected = Promise.reject(new Error("listener"));
    rejected.catch(() => {});
    controller.signal.addEventListener("abort", () => rejected);
    runtime.catchListenerErrors(() => controller.abort(), (error) => assert.fail(error as Error));
    // An uncaught exception would end the process.
    await new Promise((resolve) => setTimeout(resolve));
  });

  test("locks: a directory has one holder at a time", async () => {
    const path = folder();
    const first = await runtime.tryLock(path);
    assert.ok(first);
    assert.equal(await runtime.tryLock(path), undefined);
    first[Symbol.dispose]();
    const second = await runtime.tryLock(path);
    assert.ok(second);
    second[Symbol.dispose]();
    rmSync(path, { recursive: true });
    await assert.rejects(runtime.tryLock(path));
  });

  test("features: what is lacking is said with what to do", async () => {
    for (const feature of ["vsock", "reusePort", "tlsServer"] as const) {
      const reason = await runtime.lacks(feature);
      if (reason !== undefined) assert.match(reason, /use |run /);
    }
  });
}

function folder(): string {
  return mkdtempSync(join(tmpdir(), "vrpc-runtime-"));
}

function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // The case has closed it.
  }
}

async function writeAll(conn: RawConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

async function readAll(conn: RawConn, count: number, bufferBytes: number): Promise<Uint8Array> {
  const all = new Uint8Array(count);
  const buffer = new Uint8Array(bufferBytes);
  for (let filled = 0; filled < count;) {
    const got = await conn.read(buffer);
    assert.ok(got !== null && got > 0 && got <= bufferBytes);
    all.set(buffer.subarray(0, got), filled);
    filled += got;
  }
  return all;
}
