import assert from "node:assert/strict";
import { join } from "node:path";
import { PidFile, pidFileOwner } from "../../cmd/shared/pid_file.ts";
import { Processes } from "../fixtures/processes.ts";

const STOP = join(import.meta.dirname!, "../../scripts/server_stop.ts");
const MODULE = new URL("../../cmd/shared/pid_file.ts", import.meta.url).href;

async function inTempDir(run: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

/** Process id of a child that has ended. */
async function endedPid(): Promise<number> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return child.pid;
}

/** Process that holds the pid file at `path`; its command line is that of a server. */
async function holder(processes: Processes, path: string): Promise<string> {
  const process = processes.start([
    ...[Deno.execPath(), "eval", "--quiet"],
    `import { PidFile } from ${JSON.stringify(MODULE)};
    await PidFile.write(${JSON.stringify(path)});
    console.log(Deno.pid);
    setInterval(() => {}, 1000); // cmd/server.ts`,
  ]);
  return (await process.line(/^\d+$/))[0];
}

Deno.test("a pid file never overwrites or follows what is there", async () => {
  await inTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/precious`, "precious");
    await Deno.writeTextFile(`${dir}/long`, "1".repeat(100));
    await Deno.symlink("precious", `${dir}/to precious`);
    await Deno.symlink("nothing", `${dir}/to nothing`);
    await Deno.mkdir(`${dir}/folder`);
    // As another daemon writes it, without a lock.
    await Deno.writeTextFile(`${dir}/other.pid`, `${Deno.pid}\n`);
    const before = names(dir);
    const cases: [name: string, text: string][] = [
      ["precious", "the file is no pid file"],
      ["long", "the file is no pid file"],
      ["to precious", "it is a symbolic link"],
      ["to nothing", "it is a symbolic link"],
      ["folder", "it is a folder"],
      ["missing/pid", `folder ${dir}/missing does not exist`],
      ["other.pid", `it belongs to process ${Deno.pid}, which is running`],
    ];
    for (const [name, text] of cases) {
      await assert.rejects(
        PidFile.write(`${dir}/${name}`),
        ({ message }: Error) =>
          message.startsWith(`Cannot write ${dir}/${name} (--pid-file): `) &&
          message.includes(text),
        name,
      );
    }
    assert.deepEqual(names(dir), before);
    assert.equal(await Deno.readTextFile(`${dir}/precious`), "precious");
  });
});

Deno.test("a pid file replaces that of a process that has ended", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/pid`;
    for (const content of [`${await endedPid()}\n`, ""]) {
      await Deno.writeTextFile(path, content);
      await using _file = await PidFile.write(path);
      assert.equal(await Deno.readTextFile(path), `${Deno.pid}\n`);
      assert.equal(Deno.lstatSync(path).mode! & 0o777, 0o600);
    }
    assert.deepEqual(names(dir), []);
  });
});

Deno.test("of several processes that write a pid file at once one succeeds", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/pid`;
    for (let round = 0; round < 20; round++) {
      if (round % 2 === 1) await Deno.writeTextFile(path, `${await endedPid()}\n`);
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, () => PidFile.write(path)),
      );
      const written = results.filter((one) => one.status === "fulfilled");
      assert.equal(written.length, 1);
      assert.equal(await Deno.readTextFile(path), `${Deno.pid}\n`);
      await written[0].value[Symbol.asyncDispose]();
      assert.deepEqual(names(dir), []);
    }
  });
});

Deno.test("the end of a process removes its own pid file only", async () => {
  await inTempDir(async (dir) => {
    const path = `${dir}/pid`;
    {
      await using _file = await PidFile.write(path);
      await Deno.remove(path);
      await Deno.writeTextFile(path, "precious");
    }
    assert.equal(await Deno.readTextFile(path), "precious");
    await Deno.remove(path);
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["eval", "--quiet"],
        `import { PidFile } from ${JSON.stringify(MODULE)};
        await PidFile.write(${JSON.stringify(path)});
        Deno.exit(7);`,
      ],
    }).output();
    assert.equal(code, 7);
    assert.deepEqual(names(dir), []);
  });
});

Deno.test("pidFileOwner() finds the process that holds the file", async () => {
  await using processes = new Processes();
  await inTempDir(async (dir) => {
    const path = `${dir}/pid`;
    assert.equal(await pidFileOwner(path), undefined);
    const pid = await holder(processes, path);
    using owner = await pidFileOwner(path);
    assert.equal(owner?.pid, Number(pid));
    assert.equal(await owner!.isRunning(), true);
    Deno.kill(owner!.pid, "SIGKILL");
    while (await owner!.isRunning());
  });
});

Deno.test("server:stop signals no process but the owner of the pid file", async () => {
  await using processes = new Processes();
  await inTempDir(async (dir) => {
    // A process whose command line looks like a server's.
    const bystander = processes.start([
      "sh",
      "-c",
      "echo $$; while :; do sleep 1; done # cmd/server.ts",
    ]);
    const victim = (await bystander.line(/^\d+$/))[0];
    const stop = async (name: string) => {
      const process = processes.start([
        ...[Deno.execPath(), "run", "--quiet", "-A", STOP, `${dir}/${name}`],
      ]);
      const lines = await Array.fromAsync(process.lines());
      return [await process.code(), lines.join("\n") || (await process.errors()).trim()] as const;
    };
    // Nobody holds the file.
    await Deno.writeTextFile(`${dir}/unlocked`, `${victim}\n`);
    assert.deepEqual(await stop("unlocked"), [
      0,
      "No server started by `deno task server` is running",
    ]);
    // Its owner is another process than the one that it names.
    await holder(processes, `${dir}/forged`);
    await Deno.writeTextFile(`${dir}/forged`, `${victim}\n`);
    assert.deepEqual(await stop("forged"), [
      1,
      `server:stop: Cannot use ${dir}/forged: process ${victim}, which it names, is not its owner`,
    ]);
    await Deno.symlink("unlocked", `${dir}/link`);
    assert.equal((await stop("link"))[0], 1);
    assert.equal(bystander.ended, false);
    assert.deepEqual(names(dir), ["forged", "link", "unlocked"]);
  });
});

Deno.test("a process that only reads the pid file is not taken for its owner", async () => {
  await inTempDir(async (dir) => {
    await using processes = new Processes();
    const path = `${dir}/pid`;
    const reader = processes.start([
      ...[Deno.execPath(), "eval", "--quiet"],
      `Deno.writeTextFileSync(${JSON.stringify(path)}, Deno.pid + "\\n");
      const file = Deno.openSync(${JSON.stringify(path)});
      console.log(Deno.pid);
      setInterval(() => file, 1000);`,
    ]);
    const [pid] = await reader.line(/^\d+$/);
    // Another process holds the lock.
    using file = await Deno.open(path, { read: true, write: true });
    await file.lock(true);
    await assert.rejects(
      pidFileOwner(path),
      { message: `process ${pid}, which it names, is not its owner` },
    );
  });
});
