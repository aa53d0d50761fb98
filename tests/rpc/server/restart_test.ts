import assert from "node:assert/strict";
import { connect, type Router, serve, type ServeOptions } from "../../../mod.ts";
import { selfSigned } from "../../../src/transport/certs.ts";
import { uniqueName } from "../../fixtures/names.ts";

const certificate = await selfSigned();
const vsock = Deno.env.get("VRPC_TEST_VSOCK") === "1";

const CASES: [address: (dir: string) => string, options?: ServeOptions][] = [
  [() => "127.0.0.1:0"],
  [() => "127.0.0.1:0", { tls: certificate }],
  [() => "127.0.0.1:0", { reusePort: true }],
  [(dir) => `unix:${dir}/a.sock`],
  [() => `unix-abstract:${uniqueName("vrpc-restart")}`],
  [(dir) => `hvsock:${dir}/vm.sock:5000`],
  [() => `memory:${uniqueName("restart")}`],
  ...(vsock ? [[() => "vsock:any:0"]] as [() => string][] : []),
];

const echo = (router: Router) => {
  router.method("/echo", {}, (request) => request);
  router.method("/never", {}, () => new Promise<never>(() => {}));
};

for (const [addressIn, options] of CASES) {
  const name = addressIn("…") + (options ? ` with ${Object.keys(options)}` : "");
  Deno.test(`a server can be restarted at once: ${name}`, async () => {
    const dir = await Deno.makeTempDir();
    let address = addressIn(dir);
    for (let i = 0; i < 50; i++) {
      await using server = await serve(address, echo, options);
      address = server.addresses[0];
      const dialled = address.startsWith("vsock") || address.startsWith("hvsock")
        ? undefined
        : connect(address, options?.tls && { tls: { ca: certificate.cert } });
      if (dialled && i % 5 === 0) {
        await dialled.call("/echo", new Uint8Array(1));
        // Cancelled by the end of the server.
        dialled.call("/never", new Uint8Array(1)).catch(() => {});
      }
      if (i % 3 === 1) await server.close();
      if (i % 3 === 2) await server.shutdown({ graceMs: 0 });
      await dialled?.close();
    }
    await Deno.remove(dir, { recursive: true });
  });
}

Deno.test("a server that cannot listen on all of its addresses frees those that it could", async () => {
  await using other = await serve("127.0.0.1:0", echo);
  const free = uniqueName("memory:partly");
  for (let i = 0; i < 5; i++) {
    await assert.rejects(serve([free, other.addresses[0]], echo), /the address is in use/);
  }
  await using _server = await serve(free, echo);
});
