import assert from "node:assert/strict";
import { listeningProcesses, processCpuMs } from "../../../src/load/measure/server_process.ts";
import { listen } from "../../../src/transport/mod.ts";

Deno.test({
  name: "listeningProcesses() finds the process of a TCP port and of a Unix socket",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const dir = await Deno.makeTempDir();
    const path = `${dir}/a.sock`;
    const [tcp, unix] = [await listen("127.0.0.1:0"), await listen(`unix:${path}`)];
    const port = Number(tcp.address.split(":")[1]);
    assert.deepEqual(await listeningProcesses({ kind: "tcp", port }), [Deno.pid]);
    assert.deepEqual(await listeningProcesses({ kind: "unix", path }), [Deno.pid]);
    for (const other of [`${dir}/b.sock`, `${dir}/b/a.sock`, "/a.sock"]) {
      assert.deepEqual(await listeningProcesses({ kind: "unix", path: other }), []);
    }
    // As other programs bind it.
    const plain = Deno.listen({ transport: "unix", path: `${dir}/b.sock` });
    assert.deepEqual(await listeningProcesses({ kind: "unix", path: `${dir}/b.sock` }), [Deno.pid]);
    plain.close();
    await Promise.all([tcp.close(), unix.close()]);
    assert.deepEqual(await listeningProcesses({ kind: "unix", path }), []);
    assert.ok((await processCpuMs([Deno.pid]))! > 0);
    await Deno.remove(dir, { recursive: true });
  },
});
