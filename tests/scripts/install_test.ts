import assert from "node:assert/strict";
import { join } from "node:path";

const SCRIPT = join(import.meta.dirname!, "../../install.sh");
const TARGET = "x86_64-unknown-linux-gnu";

async function run(program: string, args: string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** A release as a local server has it; `spoil` changes the archive after its hash was taken. */
class Release implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "vrpc-release-" });
  readonly requests: string[] = [];
  readonly #server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      this.requests.push(pathname);
      const name = /^\/(?:latest\/download|download\/v0\.1\.0)\/(.+)$/.exec(pathname)?.[1];
      const file = name && await Deno.readFile(join(this.folder, name)).catch(() => undefined);
      return file ? new Response(file) : new Response("none", { status: 404 });
    },
  );

  async publish({ spoil = false } = {}): Promise<this> {
    const name = `vrpc-vrpc-v0.1.0-${TARGET}.tar.gz`;
    await Deno.writeTextFile(join(this.folder, "vrpc"), "#!/bin/sh\necho vrpc 0.1.0\n");
    await run("tar", ["-czf", name, "vrpc"], { cwd: this.folder });
    const sums = await run("sh", ["-c", "sha256sum ./*.tar.gz > SHA256SUMS"], { cwd: this.folder });
    assert.equal(sums.code, 0, sums.err);
    if (spoil) {
      await Deno.writeTextFile(join(this.folder, "vrpc"), "#!/bin/sh\necho not vrpc\n");
      await run("tar", ["-czf", name, "vrpc"], { cwd: this.folder });
    }
    return this;
  }

  /** Runs the script on a machine of this kind. */
  async install(env: Record<string, string> = {}, machine = "Linux x86_64") {
    const home = await Deno.makeTempDir({ dir: this.folder });
    const [system, processor] = machine.split(" ");
    await Deno.writeTextFile(
      join(home, "uname"),
      `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${processor}\n`,
      { mode: 0o755 },
    );
    const { port } = this.#server.addr as Deno.NetAddr;
    const result = await run("sh", [SCRIPT], {
      clearEnv: true,
      env: {
        HOME: home,
        PATH: `${home}:/usr/bin:/bin`,
        VRPC_RELEASES: `http://127.0.0.1:${port}`,
        ...env,
      },
    });
    return { ...result, program: join(home, ".local/bin/vrpc") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("install.sh installs the latest release after a check of its hash", async () => {
  await using release = await new Release().publish();
  const { code, out, err, program } = await release.install();
  assert.equal(code, 0, err);
  assert.match(out, /^installed .*\/\.local\/bin\/vrpc \(vrpc-vrpc-v0\.1\.0-.*\)\nadd .* to PATH/);
  assert.equal((await run(program, [])).out, "vrpc 0.1.0\n");
  assert.deepEqual(release.requests, [
    "/latest/download/SHA256SUMS",
    `/latest/download/vrpc-vrpc-v0.1.0-${TARGET}.tar.gz`,
  ]);
});

Deno.test("install.sh installs the version and into the folder that variables name", async () => {
  await using release = await new Release().publish();
  const folder = join(release.folder, "programs");
  const { code, err } = await release.install({ VRPC_VERSION: "v0.1.0", VRPC_INSTALL: folder });
  assert.equal(code, 0, err);
  assert.equal((await run(join(folder, "vrpc"), [])).out, "vrpc 0.1.0\n");
  assert.ok(release.requests.every((path) => path.startsWith("/download/v0.1.0/")));
  const none = await release.install({ VRPC_VERSION: "v9.9.9" });
  assert.equal(none.code, 1);
  assert.match(none.err, /install: cannot download .*\/download\/v9\.9\.9\/SHA256SUMS\n$/);
});

Deno.test("install.sh installs nothing when the hash differs", async () => {
  await using release = await new Release().publish({ spoil: true });
  const { code, err, program } = await release.install();
  assert.equal(code, 1);
  assert.match(
    err,
    /^install: the SHA-256 of vrpc-vrpc-v0\.1\.0-.* is [0-9a-f]{64}, but the release says [0-9a-f]{64}/,
  );
  await assert.rejects(Deno.stat(program), Deno.errors.NotFound);
});

Deno.test("install.sh says so when there is no program for a machine", async () => {
  await using release = await new Release().publish();
  const other = await release.install({}, "FreeBSD amd64");
  assert.equal(other.code, 1);
  assert.match(other.err, /^install: there is no program for FreeBSD on amd64; use deno install/);
  const missing = await release.install({}, "Darwin arm64");
  assert.equal(missing.err, "install: the release has no vrpc for aarch64-apple-darwin\n");
});

Deno.test("install.sh that is cut off anywhere installs nothing", async () => {
  await using release = await new Release().publish();
  const text = await Deno.readTextFile(SCRIPT);
  assert.match(text, /\n\nmain\n$/);
  const cut = text.slice(0, text.lastIndexOf("main\n"));
  const { code, out } = await run("sh", ["-c", cut]);
  assert.deepEqual([code, out, release.requests], [0, "", []]);
});
