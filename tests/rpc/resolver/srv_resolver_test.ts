import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import { registerResolver, srvResolver } from "../../../src/rpc/resolver/mod.ts";
import { updateOf } from "../../../src/rpc/resolver/srv_resolver.ts";
import { failure } from "../../../src/testing/failure.ts";
import { text, untext } from "../../fixtures/bytes.ts";
import { DnsServer } from "../../fixtures/dns_server.ts";

const NAME = "_grpc._tcp.orders.test";

async function server(name: string) {
  const server = await serve("127.0.0.1:0", (router) => {
    router.method("/name", {}, () => text(name));
  });
  return { server, port: Number(server.addresses[0].split(":")[1]) };
}

Deno.test("SRV records: by weight within the first priority, then the next one", async () => {
  const started = await Promise.all(["a", "b", "c"].map(server));
  const [a, b, c] = started;
  await using dns = new DnsServer();
  const target = "localhost.";
  dns.services.set(NAME, [
    { priority: 20, weight: 1, port: c.port, target },
    { priority: 10, weight: 3, port: a.port, target },
    { priority: 10, weight: 1, port: b.port, target },
  ]);
  registerResolver("srv", srvResolver());
  await using channel = connect(`srv://127.0.0.1:${dns.port}/${NAME}`);
  await channel.ready();
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  const call = async () => {
    const name = untext(await channel.call("/name", new Uint8Array(), { waitForReady: true }));
    counts[name]++;
    return name;
  };
  while (counts.b === 0) await call();
  for (let i = 0; i < 400; i++) await call();
  assert.equal(counts.c, 0);
  assert.ok(counts.a > counts.b, JSON.stringify(counts));
  await a.server.close();
  await b.server.close();
  // A call may be on a connection whose close has not arrived yet, of a and then of b.
  assert.equal(await call().catch(call).catch(call), "c");
  await c.server.close();
});

Deno.test("SRV records without a service, and names that are none", async () => {
  assert.throws(
    () => updateOf(NAME, [{ priority: 0, weight: 0, port: 0, target: "." }]),
    /_grpc\._tcp\.orders\.test has no service/,
  );
  registerResolver("srv", srvResolver());
  await using channel = connect("srv:///orders.test");
  const error = await failure(channel.call("/x", new Uint8Array()));
  assert.match(error.message, /a service has the form _service\._protocol\.name/);
  assert.throws(() => srvResolver({ intervalMs: 0 }), RangeError);
});
