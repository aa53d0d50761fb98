import assert from "node:assert/strict";
import { serve } from "../../../mod.ts";
import { startConnectProxy } from "../../fixtures/connect_proxy.ts";
import { hasSquid, startSquid } from "../../fixtures/squid.ts";

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
  ignore: !await hasSquid(),
  async fn() {
    await using server = await start();
    await using squid = await startSquid();
    const target = `server.test:${server.addresses[0].split(":").at(-1)}`;
    const env = { https_proxy: `http://127.0.0.1:${squid.port}` };
    assert.equal(await run("connect_vrpc.ts", target, env), "9");
    assert.equal(await run("connect_grpc_js.ts", target, env), "9");
  },
});
