import assert from "node:assert/strict";
import { join } from "node:path";
import { serve } from "../../../mod.ts";
import { startConnectProxy } from "../../fixtures/connect_proxy.ts";
import { sleep } from "../../fixtures/waiting.ts";

const hasSquid = await new Deno.Command("squid", { args: ["-v"] }).output()
  .then((output) => output.success, () => false);

const start = () =>
  serve("127.0.0.1:0", (router) => {
    router.method("/test.Echo/Echo", {}, (request) => request);
  });

/** Runs a client in a process of its own with these variables; returns what it prints. */
async function run(client: string, target: string, env: Record<string, string>): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "-A", new URL(client, import.meta.url).pathname, target],
    env: { ...env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test("vrpc and grpc-js take the same proxy from the same environment", async () => {
  await using server = await start();
  await using proxy = await startConnectProxy("user:pass");
  const port = server.addresses[0].split(":").at(-1);
  const url = `http://user:pass@127.0.0.1:${proxy.port}`;
  const target = `server.test:${port}`;
  const through = [{ target, authorization: `Basic ${btoa("user:pass")}` }];
  const cases: [env: Record<string, string>, asked: typeof through, reply: RegExp][] = [
    [{ grpc_proxy: url }, through, /^9$/],
    [{ https_proxy: url }, through, /^9$/],
    [{ http_proxy: url }, through, /^9$/],
    [{ https_proxy: url, no_proxy: "a.test,server.test" }, [], /server\.test/],
    [{ https_proxy: url, no_grpc_proxy: "server.test" }, [], /server\.test/],
    [{ https_proxy: url, no_proxy: "other.test" }, through, /^9$/],
  ];
  for (const [env, asked, reply] of cases) {
    for (const client of ["connect_vrpc.ts", "connect_grpc_js.ts"]) {
      proxy.asked.length = 0;
      const what = `${client} with ${Object.keys(env)}`;
      assert.match(await run(client, target, env), reply, what);
      assert.deepEqual(proxy.asked, asked, what);
    }
  }
});

Deno.test({
  name: "calls go through squid, which resolves the name",
  ignore: !hasSquid,
  async fn() {
    await using server = await start();
    const dir = await Deno.makeTempDir();
    await Deno.chmod(dir, 0o777);
    const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = probe.addr;
    probe.close();
    await Deno.writeTextFile(join(dir, "hosts"), "127.0.0.1 server.test\n");
    await Deno.writeTextFile(
      join(dir, "squid.conf"),
      [
        `http_port 127.0.0.1:${port}`,
        `hosts_file ${join(dir, "hosts")}`,
        "http_access allow all",
        "cache deny all",
        "access_log none",
        `cache_log ${join(dir, "cache.log")}`,
        `pid_filename ${join(dir, "pid")}`,
        `coredump_dir ${dir}`,
        "shutdown_lifetime 0 seconds",
        "pinger_enable off",
      ].join("\n"),
    );
    const squid = new Deno.Command("squid", {
      args: ["-N", "-n", `vrpc${port}`, "-f", join(dir, "squid.conf")],
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      for (;;) {
        const conn = await Deno.connect({ port }).catch(() => undefined);
        conn?.close();
        if (conn !== undefined) break;
        await sleep(50);
      }
      const target = `server.test:${server.addresses[0].split(":").at(-1)}`;
      const env = { https_proxy: `http://127.0.0.1:${port}` };
      assert.equal(await run("connect_vrpc.ts", target, env), "9");
      assert.equal(await run("connect_grpc_js.ts", target, env), "9");
    } finally {
      squid.kill("SIGTERM");
      await squid.status;
      await Deno.remove(dir, { recursive: true });
    }
  },
});
