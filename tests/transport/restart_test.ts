import assert from "node:assert/strict";
import { dial } from "../../src/transport/dial.ts";
import { listen } from "../../src/transport/listen.ts";
import { selfSigned } from "../../src/transport/certs.ts";
import { uniqueName } from "../fixtures/names.ts";

const certificate = await selfSigned();
const vsock = Deno.env.get("VRPC_TEST_VSOCK") === "1";

const ADDRESSES: [address: (dir: string) => string, tls?: typeof certificate][] = [
  [() => "127.0.0.1:0"],
  [() => "127.0.0.1:0", certificate],
  [() => "[::1]:0"],
  [(dir) => `unix:${dir}/a.sock`],
  [(dir) => `unix:${dir}/a.sock`, certificate],
  [() => `unix-abstract:${uniqueName("vrpc-restart")}`],
  [(dir) => `hvsock:${dir}/vm.sock:5000`],
  [() => `memory:${uniqueName("restart")}`],
  ...(vsock ? [[() => "vsock:any:0"]] as [() => string][] : []),
];

for (const [addressIn, tls] of ADDRESSES) {
  const name = `${addressIn("…")}${tls ? " with TLS" : ""}`;
  Deno.test(`the address is free once close() has resolved: ${name}`, async () => {
    const dir = await Deno.makeTempDir();
    let address = addressIn(dir);
    for (let i = 0; i < 50; i++) {
      const listener = await listen(address, { tls });
      address = listener.address;
      const accepting = listener.accept();
      // An end while connections are being made, one while accept is pending.
      if (i % 2 === 0 && !address.startsWith("hvsock:") && !address.startsWith("vsock:")) {
        const dialing = dial(address);
        dialing.then((stream) => stream.close(), () => {});
        await (await accepting)!.close();
        listener.accept().catch(() => {});
      }
      const [first, second] = [listener.close(), listener.close()];
      await Promise.all([first, second]);
      assert.equal(await listener.accept(), null);
    }
    await Deno.remove(dir, { recursive: true });
  });
}
