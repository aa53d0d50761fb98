/**
 * A load balancing policy and a resolver of one's own: calls stay on the server that a header names.
 *
 *     deno run -A examples/custom_balancer/main.ts
 *
 * @module
 */

import { connect, serve } from "@vrpc/vrpc";
import { ReadyBalancer, registerBalancer } from "@vrpc/vrpc/balancer";
import { registerResolver } from "@vrpc/vrpc/resolver";

registerBalancer({
  name: "example.sticky",
  create: (host) =>
    new ReadyBalancer(host, (ready) => ({
      dependsOnCall: true,
      pick(call) {
        const user = Number(call.metadata?.get("user") ?? 0);
        return ready[user % ready.length].subchannel;
      },
    })),
});

const names = ["first", "second", "third"];
const servers = await Promise.all(names.map((name) =>
  serve("127.0.0.1:0", (router) => {
    router.method("/name", {}, () => new TextEncoder().encode(name));
  })
));

registerResolver("example", {
  async *watch() {
    yield { addresses: servers.map((server) => server.addresses[0]) };
  },
});

await using channel = connect("example:///names", {
  serviceConfig: { loadBalancingConfig: [{ "example.unknown": {} }, { "example.sticky": {} }] },
});
await channel.ready();
for (const user of ["0", "1", "2", "1"]) {
  const reply = await channel.call("/name", new Uint8Array(), { metadata: { user } });
  console.log(`user ${user} is served by the ${new TextDecoder().decode(reply)}`);
}
await channel.close();
await Promise.all(servers.map((server) => server.close()));
