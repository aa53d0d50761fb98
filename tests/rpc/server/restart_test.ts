import assert from "node:assert/strict";
import { connect, type Router, serve, type ServeOptions } from "../../../mod.ts";
import { createAuthority, selfSigned } from "../../../src/transport/certs.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
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

Deno.test("the ends of a channel and a server wait until their byte streams are released", async () => {
  const server = await serve([], echo);
  const [near, far] = memoryPair();
  const [client, accepted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.serveConnection(Object.assign(far, { released: () => accepted.promise }));
  const channel = connect("memory:released", {
    dial: () => Promise.resolve(Object.assign(near, { released: () => client.promise })),
    poolSize: 1,
  });
  await channel.call("/echo", new Uint8Array(1));
  const ended: string[] = [];
  const ends = [
    channel.close().then(() => ended.push("channel")),
    server.close().then(() => ended.push("server")),
  ];
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(ended, []);
  client.resolve();
  await ends[0];
  assert.deepEqual(ended, ["channel"]);
  accepted.resolve();
  await ends[1];
});

/** Open sockets of clients, or of a server, with this port of the server. */
function openSockets(address: string, side: "client" | "server"): number {
  const port = Number(address.split(":")[1]).toString(16).toUpperCase().padStart(4, "0");
  return Deno.readTextFileSync("/proc/net/tcp").split("\n").slice(1).filter((line) => {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    // The inode is 0 once no process has the socket open.
    return (side === "server" ? local : remote)?.endsWith(`:${port}`) && inode !== "0";
  }).length;
}

const authority = await createAuthority();
const mutual = {
  server: { ...await authority.issueServer(), clientCa: authority.cert },
  client: { ...await authority.issueClient(), ca: authority.cert },
};

for (const [name, tls] of [["TCP", undefined], ["mutual TLS", mutual]] as const) {
  Deno.test({
    name: `no socket is open once channel and server have closed: ${name}`,
    // /proc/net/tcp.
    ignore: Deno.build.os !== "linux",
    async fn() {
      const ends = ["close", "shutdown", "close while connecting"] as const;
      for (const [i, end] of [...ends, ...ends].entries()) {
        const server = await serve("127.0.0.1:0", echo, tls && { tls: tls.server });
        const address = server.addresses[0];
        const channel = connect(address, {
          poolSize: 3,
          tls: tls?.client,
        });
        if (end === "close while connecting") {
          channel.call("/echo", new Uint8Array(1)).catch(() => {});
        } else {
          await channel.ready();
          channel.call("/never", new Uint8Array(1)).catch(() => {});
          await channel.call("/echo", new Uint8Array(1));
        }
        const endServer = async () => {
          if (end === "shutdown") await server.shutdown({ graceMs: 0 });
          else await server.close();
          assert.equal(openSockets(address, "server"), 0, `server: ${end} ${i}`);
        };
        if (i >= ends.length) await endServer();
        await channel.close();
        assert.equal(openSockets(address, "client"), 0, `client: ${end} ${i}`);
        await endServer();
      }
    },
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
