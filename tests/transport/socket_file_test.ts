import assert from "node:assert/strict";
import { TransportError } from "../../src/errors.ts";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import type { Listener } from "../../src/transport/types.ts";

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

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

/** Leaves the socket file of a process that was killed. */
function leaveStale(path: string): void {
  const killed = Deno.listen({ transport: "unix", path: `${path}~` });
  Deno.renameSync(`${path}~`, path);
  killed.close();
}

async function reachable(listener: Listener): Promise<void> {
  const [client, server] = await Promise.all([dial(listener.address), listener.accept()]);
  client.close();
  server!.close();
}

const modeOf = (path: string) => Deno.lstatSync(path).mode! & 0o777;

Deno.test("a socket file is for its user alone, unless unixMode says otherwise", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/a.sock`;
    for (const [unixMode, expected] of [[undefined, 0o600], [0o660, 0o660], [0o777, 0o777]]) {
      const listener = await listen(`unix:${path}`, { unixMode });
      assert.equal(modeOf(path), expected);
      await reachable(listener);
      await listener.close();
    }
    const guest = await listen(`hvsock:${path}:5`, { unixMode: 0o620 });
    assert.equal(modeOf(`${path}_5`), 0o620);
    await guest.close();
    assert.deepEqual(names(dir), []);
    for (const unixMode of [-1, 0o1000, 1.5, NaN]) {
      await assert.rejects(listen(`unix:${path}`, { unixMode }), RangeError);
    }
  });
});

Deno.test("a socket file never has wider permissions than those asked for", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/a.sock`;
    const watcher = new Worker(new URL("./mode_watcher.ts", import.meta.url), { type: "module" });
    const answer = () =>
      new Promise<number[]>((resolve) => watcher.onmessage = ({ data }) => resolve(data));
    watcher.postMessage(path);
    await answer();
    for (let i = 0; i < 100; i++) {
      const listener = await listen(`unix:${path}`, { unixMode: 0o600 });
      await listener.close();
    }
    watcher.postMessage("stop");
    const seen = await answer();
    watcher.terminate();
    assert.deepEqual(seen, [0o600]);
  });
});

Deno.test("of several listens at once on a stale socket one succeeds", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/a.sock`;
    for (const prepare of [() => leaveStale(path), () => {}]) {
      for (let round = 0; round < 10; round++) {
        prepare();
        const results = await Promise.allSettled(
          Array.from({ length: 8 }, () => listen(`unix:${path}`)),
        );
        const listeners = results.filter((one) => one.status === "fulfilled");
        assert.equal(listeners.length, 1);
        for (const result of results) {
          if (result.status === "rejected") {
            assert.ok(fails(/: the address is in use;/)(result.reason));
          }
        }
        await reachable(listeners[0].value);
        assert.deepEqual(names(dir), ["a.sock"]);
        await listeners[0].value.close();
        assert.deepEqual(names(dir), []);
      }
    }
  });
});

Deno.test("of several threads that listen at once on a stale socket one succeeds", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/a.sock`;
    const threads = Array.from(
      { length: 4 },
      () => new Worker(new URL("./listening_thread.ts", import.meta.url), { type: "module" }),
    );
    const ask = (message: string) =>
      Promise.all(threads.map((thread) =>
        new Promise<string>((resolve) => {
          thread.onmessage = ({ data }) => resolve(data);
          thread.postMessage(message);
        })
      ));
    await ask("ready");
    for (let round = 0; round < 20; round++) {
      leaveStale(path);
      const outcomes = (await ask(`unix:${path}`)).sort();
      assert.equal(outcomes.filter((one) => one === "listening").length, 1, outcomes.join("\n"));
      (await dial(`unix:${path}`)).close();
      await ask("close");
    }
    for (const thread of threads) thread.terminate();
    assert.deepEqual(names(dir), []);
  });
});

Deno.test("a file that is no socket is refused and left alone", async () => {
  await inTempDir(async (dir) => {
    const live = await listen(`unix:${dir}/live.sock`);
    leaveStale(`${dir}/stale.sock`);
    await Deno.writeTextFile(`${dir}/file`, "precious");
    await Deno.mkdir(`${dir}/directory`);
    for (const target of ["live.sock", "stale.sock", "file", "nothing"]) {
      await Deno.symlink(`${dir}/${target}`, `${dir}/to ${target}`);
    }
    const before = names(dir);
    const cases: [name: string, text: RegExp][] = [
      ["file", /: its path is a regular file; remove that, or choose another path$/],
      ["directory", /: its path is a directory;/],
      ["directory/", /: its path is a directory;/],
      ["to live.sock", /: its path is a symbolic link;/],
      ["to stale.sock", /: its path is a symbolic link;/],
      ["to file", /: its path is a symbolic link;/],
      ["to nothing", /: its path is a symbolic link;/],
      ["live.sock", /: the address is in use;/],
    ];
    for (const [name, text] of cases) {
      await assert.rejects(listen(`unix:${dir}/${name}`), fails(text), name);
    }
    assert.deepEqual(names(dir), before);
    assert.equal(await Deno.readTextFile(`${dir}/file`), "precious");
    await live.close();
  });
});

Deno.test("closing removes the listener's own file only", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/a.sock`;
    const first = await listen(`unix:${path}`);
    const accepting = first.accept();
    await Deno.remove(path);
    const second = await listen(`unix:${path}`);
    await first.close();
    assert.equal(await accepting, null);
    await reachable(second);
    await Deno.remove(path);
    await Deno.writeTextFile(path, "precious");
    await second.close();
    assert.equal(await Deno.readTextFile(path), "precious");
  });
});

Deno.test("a path may have every length that a socket address can hold", async () => {
  await inTempDir(async (dir) => {
    const deep = `${dir}/${"d".repeat(100 - dir.length)}`;
    await Deno.mkdir(deep);
    for (const length of [103, 104, 107]) {
      const path = `${deep}/${"s".repeat(length - deep.length - 1)}`;
      leaveStale(`${dir}/s`);
      await Deno.rename(`${dir}/s`, path);
      const listener = await listen(`unix:${path}`, { unixMode: 0o640 });
      assert.equal(path.length, length);
      assert.equal(modeOf(path), 0o640);
      await reachable(listener);
      await listener.close();
      assert.deepEqual(names(deep), []);
    }
  });
});

Deno.test("a path may be relative", async () => {
  await inTempDir(async (dir) => {
    const before = Deno.cwd();
    Deno.chdir(dir);
    try {
      leaveStale("a.sock");
      for (const path of ["a.sock", "./a.sock", "a.sock"]) {
        const listener = await listen(`unix:${path}`);
        await reachable(listener);
        assert.deepEqual(names(dir), ["a.sock"]);
        await listener.close();
        assert.deepEqual(names(dir), []);
      }
    } finally {
      Deno.chdir(before);
    }
  });
});

Deno.test("Deno.exit() leaves no socket file", async () => {
  await inTempDir(async (dir) => {
    const module = new URL("../../src/transport/mod.ts", import.meta.url).href;
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["eval", "--quiet"],
        `import { listen } from ${JSON.stringify(module)};
        const one = await listen("unix:${dir}/1.sock");
        await listen("unix:${dir}/2.sock");
        await one.close();
        if ([...Deno.readDirSync("${dir}")].length !== 1) Deno.exit(1);
        Deno.exit(7);`,
      ],
    }).output();
    assert.equal(code, 7);
    assert.deepEqual(names(dir), []);
  });
});
