// The lean wire against an implementation in Python that was written from src/lean/README.md alone.

import assert from "node:assert/strict";
import { join } from "node:path";
import { type Channel, connect, Metadata, RpcError, serve, Status } from "../../../mod.ts";
import { LineProcess } from "../../fixtures/processes.ts";
import { failure } from "../../../src/testing/failure.ts";

const HERE = import.meta.dirname!;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

const hasPython = await new Deno.Command("python3", { args: ["-c", "pass"], stderr: "null" })
  .output().then(({ success }) => success, () => false);
if (!hasPython) console.log("tests/compat/lean: skipped, there is no python3");

const python = (program: string, ...args: string[]) =>
  new LineProcess(["python3", join(HERE, program), ...args], { PYTHONDONTWRITEBYTECODE: "1" });

function pythonTest(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasPython, fn: body });
}

pythonTest("the Python client calls our server", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    router.method("/echo", {}, (request) => request);
    router.method("/metadata", {}, (_, context) => {
      const value = context.metadata.get("x-bin") as Uint8Array;
      context.responseHeaders.set("h", "1");
      context.responseTrailers.set("t", "2");
      return bytes(`${context.metadata.get("k")} ${value.toHex()}`);
    });
    router.method("/count", { kind: "server_streaming" }, function* (request) {
      const count = Number(decoder.decode(request));
      for (let i = 0; i < count; i++) yield bytes(String(i));
    });
    router.method("/total", { kind: "client_streaming" }, async (messages) => {
      let total = 0;
      for await (const message of messages) total += message.length;
      return bytes(String(total));
    });
    router.method("/chat", { kind: "bidi_streaming" }, async function* (messages) {
      for await (const message of messages) yield bytes(`re: ${decoder.decode(message)}`);
    });
    router.method("/fail", {}, () => {
      throw new RpcError(Status.NOT_FOUND, "missing: ü", {
        metadata: new Metadata({ why: "test" }),
      });
    });
    router.method("/hang", {}, async (_, { signal }) => {
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
      return new Uint8Array();
    });
  });
  const client = python("client.py", server.addresses[0]);
  const failed: string[] = [];
  let passed = 0;
  for await (const line of client.lines()) {
    if (line.startsWith("ok ")) passed++;
    else failed.push(line);
  }
  assert.deepEqual(failed, []);
  assert.equal(await client.code(), 0, await client.errors());
  assert.equal(passed, 21);
});

async function withPythonServer(
  body: (channel: Channel, server: LineProcess, address: string) => Promise<void>,
  ...args: string[]
): Promise<void> {
  const server = python("server.py", ...args);
  try {
    const [, address] = await server.line(/^listening (\S+)$/);
    await using channel = connect(address, { wire: "lean", timeoutMs: 10_000 });
    await body(channel, server, address);
  } finally {
    await server.end();
  }
}

async function collect(messages: AsyncIterable<Uint8Array>): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of messages) texts.push(decoder.decode(message));
  return texts;
}

pythonTest(
  "our client calls the Python server: unary, metadata, large messages, gzip",
  async () => {
    await withPythonServer(async (channel) => {
      for (let i = 0; i < 5; i++) {
        assert.equal(decoder.decode(await channel.call("/echo", bytes(`hi ${i}`))), `hi ${i}`);
      }
      let seen: string | undefined;
      let trailer: unknown;
      await channel.call("/echo", bytes(""), {
        metadata: { k: "v" },
        onHeaders: (headers) => seen = headers.get("seen") as string,
        onTrailers: (trailers) => trailer = trailers.get("bytes-bin"),
      });
      assert.equal(seen, "v");
      assert.deepEqual(trailer, Uint8Array.of(0, 255));
      const large = new Uint8Array(1_000_000).map((_, i) => i);
      assert.deepEqual(await channel.call("/echo", large), large);
      const plain = new Uint8Array(150_000);
      assert.deepEqual(
        await channel.call("/echo", plain, { compress: true, metadata: { want: "gzip" } }),
        plain,
      );
    });
  },
);

pythonTest("our client calls the Python server: streams", async () => {
  await withPythonServer(async (channel) => {
    const counted = await collect(channel.stream("/count", bytes("1000")));
    assert.deepEqual(counted, Array.from({ length: 1000 }, (_, i) => String(i)));
    await using chat = channel.session("/chat");
    for (let i = 0; i < 20; i++) {
      await chat.send(bytes(String(i)));
      assert.equal(decoder.decode((await chat.receive())!), `re: ${i}`);
    }
    await using total = channel.session("/total");
    for (let i = 0; i < 100; i++) await total.send(new Uint8Array(5_000));
    total.closeSend();
    assert.equal(decoder.decode((await total.receive())!), "500000");
  });
});

pythonTest(
  "our client calls the Python server: errors, deadlines, cancellation, drain",
  async () => {
    await withPythonServer(async (channel, server) => {
      const failed = await failure(channel.call("/fail", bytes("x")));
      assert.equal(failed.code, Status.NOT_FOUND);
      assert.equal(failed.message, "no such thing: ü ");
      assert.equal(failed.metadata.get("why"), "test");
      assert.deepEqual(failed.metadata.get("grpc-status-details-bin"), Uint8Array.of(8, 5));
      assert.equal((await failure(channel.call("/none", bytes("")))).code, Status.UNIMPLEMENTED);
      const late = await failure(channel.call("/hang", bytes(""), { timeoutMs: 50 }));
      assert.equal(late.code, Status.DEADLINE_EXCEEDED);
      const controller = new AbortController();
      const hanging = failure(channel.call("/hang", bytes(""), { signal: controller.signal }));
      await channel.call("/echo", bytes(""));
      controller.abort();
      assert.equal((await hanging).code, Status.CANCELLED);
      while (decoder.decode(await channel.call("/cancelled", bytes(""))) !== "2") { /* not yet */ }
      assert.equal(
        decoder.decode(await channel.call("/timeout", bytes(""), { timeoutMs: 5_000 })),
        "5000",
      );
      server.kill("SIGUSR1");
      for (let i = 0; i < 20; i++) await channel.call("/echo", bytes(String(i)));
    });
  },
);

pythonTest("what the Python server must not send costs a call, or the connection", async () => {
  await withPythonServer(async (channel) => {
    const costs: [what: string, code: Status][] = [
      ["metadata value", Status.INTERNAL],
      ["metadata key", Status.INTERNAL],
      ["field block", Status.INTERNAL],
      ["error length", Status.INTERNAL],
      ["status 0", Status.UNKNOWN],
      ["status 200", Status.UNKNOWN],
      ["gzip", Status.INTERNAL],
    ];
    const others = channel.session("/chat");
    await others.send(bytes("a"));
    for (const [what, code] of costs) {
      assert.equal((await failure(channel.call("/violate", bytes(what)))).code, code, what);
    }
    assert.equal(decoder.decode(await channel.call("/unknown-control", bytes(""))), "ok");
    let header: string | undefined;
    const onHeaders = (headers: Metadata) => header = headers.get("k");
    assert.equal(decoder.decode(await channel.call("/spaces", bytes(""), { onHeaders })), "ok");
    assert.equal(header, "v");
    // The connection was the same all along.
    assert.equal(decoder.decode((await others.receive())!), "re: a");
    for (const what of ["flags", "end with value"]) {
      assert.equal((await failure(channel.call("/violate", bytes(what)))).code, Status.INTERNAL);
    }
    others.cancel();
  }, "--tail");
});

pythonTest("our client uses the Python server in version 1 only when that is allowed", async () => {
  await withPythonServer(async (strict, _, address) => {
    const refused = await failure(strict.call("/echo", bytes("hi"), { timeoutMs: 5_000 }));
    assert.equal(refused.code, Status.UNAVAILABLE);
    await using channel = connect(address, { wire: "lean", allowVersion1: true });
    assert.equal(decoder.decode(await channel.call("/echo", bytes("hi"))), "hi");
    const metadata = { authorization: "secret" };
    const secret = await failure(channel.call("/echo", bytes("hi"), { metadata }));
    assert.equal(secret.code, Status.UNIMPLEMENTED);
    const timed = await failure(channel.call("/echo", bytes("hi"), { timeoutMs: 5_000 }));
    assert.equal(timed.code, Status.UNIMPLEMENTED);
  }, "--v1");
});
