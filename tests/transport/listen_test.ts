import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";

const fails = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TransportError, String(error));
  assert.match(error.message, pattern);
  return true;
};

async function inTempDir(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("listen() on port 0 reports the actual port", async () => {
  const listener = await listen("127.0.0.1:0");
  assert.match(listener.address, /^127\.0\.0\.1:[1-9]\d*$/);
  await listener.close();
  const byName = await listen("localhost:0");
  assert.match(byName.address, /^127\.0\.0\.1:[1-9]\d*$/);
  await byName.close();
});

Deno.test("listen() on an address in use names it, and a command that shows the process using it", async () => {
  const listener = await listen("127.0.0.1:0");
  const port = listener.address.split(":")[1];
  await assert.rejects(
    listen(listener.address),
    fails(
      new RegExp(
        `^Cannot listen on 127\\.0\\.0\\.1:${port}: the address is in use; ` +
          `find the process with: ss -ltnp 'sport = :${port}'$`,
      ),
    ),
  );
  await listener.close();
  const memory = await listen("memory:in-use");
  await assert.rejects(listen("memory:in-use"), fails(/in use in this process/));
  await memory.close();
});

Deno.test("listen() with reusePort shares a port", async () => {
  const first = await listen("127.0.0.1:0", { reusePort: true });
  const second = await listen(first.address, { reusePort: true });
  assert.equal(second.address, first.address);
  await first.close();
  await second.close();
  await assert.rejects(listen("memory:x", { reusePort: true }), TypeError);
});

Deno.test("listen() on a Unix socket replaces a stale file only", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/a.sock`;
    // The socket file of a killed process.
    const killed = Deno.listen({ transport: "unix", path: `${dir}/b.sock` });
    await Deno.rename(`${dir}/b.sock`, path);
    killed.close();
    assert.ok(Deno.lstatSync(path).isSocket);
    const listener = await listen(`unix:${path}`);
    await assert.rejects(listen(`unix:${path}`), fails(/in use; find the process with: ss -lxp/));
    const [client, server] = await Promise.all([dial(`unix:${path}`), listener.accept()]);
    client.close();
    server!.close();
    await listener.close();
    assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);

    await Deno.writeTextFile(path, "precious");
    await assert.rejects(listen(`unix:${path}`), fails(/its path is a regular file/));
    assert.equal(await Deno.readTextFile(path), "precious");
  });
});

Deno.test("listen() reports why an address can't be listened on", async () => {
  await assert.rejects(listen("unix:/nowhere/a.sock"), fails(/its directory does not exist$/));
  await assert.rejects(listen("192.0.2.1:0"), fails(/this machine has no such address$/));
  await assert.rejects(
    listen("ipv4:127.0.0.1:1,127.0.0.1:2"),
    /contains 2 addresses; listen on each of them/,
  );
});

Deno.test("without Deno's unstable flags the error names the flag", async () => {
  const module = new URL("../../src/transport/mod.ts", import.meta.url).href;
  const config = await Deno.makeTempFile({ suffix: ".json" });
  const { imports } = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  await Deno.writeTextFile(config, JSON.stringify({ imports }));
  const run = async (flags: string[], code: string) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--no-prompt", "--config", config, ...flags, "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(
      `import { dial, listen } from ${JSON.stringify(module)};
      try { ${code}; console.log("fine"); } catch (error) { console.log(error.name, error.message); }`,
    ));
    await writer.close();
    const { stdout } = await child.output();
    return new TextDecoder().decode(stdout).trim();
  };
  const reuse = `(await listen("127.0.0.1:0", { reusePort: true })).close()`;
  const vsock = `await dial("vsock:1:1")`;
  const [reuseBad, reuseGood, vsockBad, vsockLess, vsockListen] = await Promise.all([
    run(["-A"], reuse),
    run(["-A", "--unstable-net"], reuse),
    run(["-A"], vsock),
    run(["-A", "--deny-run"], vsock),
    run(["-A"], `await listen("vsock:any:5")`),
  ]);
  await Deno.remove(config);
  assert.match(reuseBad, /^TransportError .*flag --unstable-net is missing/);
  assert.equal(reuseGood, "fine");
  for (const text of [vsockBad, vsockLess, vsockListen]) {
    assert.match(text, /^TransportError Cannot use vsock:.*flag --unstable-vsock is missing/);
  }
});
