import assert from "node:assert/strict";
import { join } from "node:path";
import { RpcError, serve, Status } from "../../../../mod.ts";
import { addEcho, addReflection } from "../../../../src/services/mod.ts";
import { KEYS, Pty } from "../../../fixtures/pty.ts";

const VRPC = join(import.meta.dirname!, "../../../../cmd/vrpc.ts");
const PROMPT = /^vrpc> $/m;
const ignore = Deno.build.os !== "linux";

/** Server whose method `/slow` replies when it is cancelled, and tells when it is called. */
async function slowServer() {
  const called = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  const server = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addReflection(router);
    router.method("/slow", {}, async (_, { signal }) => {
      called.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      cancelled.resolve();
      throw new RpcError(Status.CANCELLED, "cancelled");
    });
    router.method("/push", { kind: "bidi_streaming" }, async function* () {
      yield new TextEncoder().encode("pushed");
      await new Promise(() => {});
    });
  });
  return { server, called: called.promise, cancelled: cancelled.promise };
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function repl(address: string, state: string, columns: number, ...flags: string[]): Pty {
  const command = [Deno.execPath(), "run", "--quiet", "-A", VRPC, ...flags, "repl", address];
  return new Pty(command, columns, { XDG_STATE_HOME: state });
}

Deno.test({
  ignore,
  name: "vrpc repl completes commands, methods and fields, and keeps a history for its user alone",
  fn: () =>
    inFolder(async (state) => {
      const { server } = await slowServer();
      await using running = server;
      const [address] = running.addresses;
      {
        await using pty = repl(address, state, 100);
        await pty.shows("Ctrl-D leaves.");
        await pty.shows(PROMPT);
        await pty.send("ca", KEYS.tab);
        await pty.shows("ll ");
        await pty.send("EchoStr", KEYS.tab);
        await pty.shows("eam ");
        await pty.send("{", KEYS.tab);
        await pty.shows('"payload": ');
        await pty.send('"YQ=="', KEYS.enter);
        await pty.shows("... ");
        await pty.send("}", KEYS.enter);
        await pty.shows(/"payload":"YQ=="[^\n]*\}\n/);
        await pty.shows(PROMPT);
        await pty.send("set header token: secret", KEYS.enter);
        await pty.shows(PROMPT);
        await pty.send(KEYS.ctrlD);
        assert.equal(await pty.code(), 0);
      }
      const history = join(state, "vrpc", "history");
      const command = 'call EchoStream {"payload": "YQ==" }';
      assert.equal(await Deno.readTextFile(history), `${command}\n`);
      assert.equal((await Deno.stat(history)).mode! & 0o777, 0o600);
      assert.equal((await Deno.stat(join(state, "vrpc"))).mode! & 0o777, 0o700);
      await using again = repl(address, state, 100);
      await again.shows(PROMPT);
      await again.send(KEYS.up);
      await again.shows(command);
    }),
});

Deno.test({
  ignore,
  name: "in vrpc repl Ctrl-C cancels the call that runs, and drops what is typed, and no more",
  fn: () =>
    inFolder(async (state) => {
      const { server, called, cancelled } = await slowServer();
      await using running = server;
      await using pty = repl(running.addresses[0], state, 40, "--wire", "lean");
      await pty.shows(PROMPT);
      await pty.send("call slow", KEYS.enter);
      await called;
      await pty.send(KEYS.ctrlC);
      await pty.shows("^C\nCancelled.\n");
      await cancelled;
      await pty.shows(PROMPT);
      await pty.send("not this", KEYS.ctrlC);
      await pty.shows("^C\n");
      await pty.shows(PROMPT);
      await pty.send(KEYS.ctrlC);
      await pty.shows("(exit or Ctrl-D leaves)");
      await pty.shows(PROMPT);
      await pty.send("lst", KEYS.enter);
      await pty.shows("There is no command lst; did you mean list?");
    }),
});

Deno.test({
  ignore,
  name: "vrpc repl sends the requests of a stream as they are typed, and prints replies above them",
  fn: () =>
    inFolder(async (state) => {
      const { server } = await slowServer();
      await using running = server;
      await using pty = repl(running.addresses[0], state, 40, "--wire", "lean");
      await pty.shows(PROMPT);
      await pty.send("call EchoStream", KEYS.enter);
      await pty.shows("Ctrl-D ends them, Ctrl-C cancels the");
      await pty.shows(/^> $/m);
      await pty.send('{"payload": "YQ=="}', KEYS.enter);
      await pty.shows('"payload":"YQ=="');
      await pty.send('{"payload":', KEYS.enter);
      await pty.shows("... ");
      await pty.send('"Yg=="}', KEYS.enter);
      await pty.shows('"payload":"Yg=="');
      // It ends the requests, and not the program.
      await pty.send(KEYS.ctrlD);
      await pty.shows(PROMPT);
      await pty.send("call push", KEYS.enter);
      await pty.shows("pushed\n> ");
      await pty.send("half a li", KEYS.ctrlC);
      await pty.shows("^C\nCancelled.\n");
      await pty.shows(PROMPT);
      await pty.send("exit", KEYS.enter);
      assert.equal(await pty.code(), 0);
    }),
});
