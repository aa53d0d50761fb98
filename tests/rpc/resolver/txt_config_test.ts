import assert from "node:assert/strict";
import { type ChannelOptions, connect, RpcError, serve, Status } from "../../../mod.ts";
import { chooseConfig } from "../../../src/rpc/resolver/txt_config.ts";
import { failure } from "../../../src/testing/failure.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { DnsServer } from "../../fixtures/dns_server.ts";

const client = { percentile: 42, hostname: () => "here" };
const config = { methodConfig: [] };
const choose = (...choices: unknown[]) => chooseConfig(JSON.stringify(choices), client);

Deno.test("the first choice for this client counts (gRPC A2)", () => {
  assert.deepEqual(choose({ serviceConfig: config }), config);
  assert.deepEqual(choose({ serviceConfig: 1 }, { serviceConfig: 2 }), 1);
  assert.equal(choose(), undefined);
  const cases: [object, boolean][] = [
    [{ clientLanguage: ["go", "NODE"] }, true],
    [{ clientLanguage: ["go"] }, false],
    [{ clientLanguage: [] }, true],
    [{ percentage: 43 }, true],
    [{ percentage: 42 }, false],
    [{ percentage: 0 }, false],
    [{ clientHostname: ["there", "here"] }, true],
    [{ clientHostname: ["there"] }, false],
    [{ clientLanguage: ["javascript"], percentage: 10 }, false],
  ];
  for (const [condition, chosen] of cases) {
    const expected = chosen ? 1 : 2;
    const found = choose({ ...condition, serviceConfig: 1 }, { serviceConfig: 2 });
    assert.equal(found, expected, JSON.stringify(condition));
  }
});

Deno.test("a record that is not valid is an error", () => {
  const cases: [string, RegExp][] = [
    ["{", /service config: /],
    ["{}", /must be a list of choices/],
    ["[1]", /\[0\] is not an object/],
    ['[{"percentage":101,"serviceConfig":{}}]', /\[0\]\.percentage must be from 0 to 100/],
    ['[{"clientLanguage":"go","serviceConfig":{}}]', /clientLanguage must be a list of texts/],
    ["[{}]", /\[0\] has no serviceConfig/],
  ];
  for (const [json, message] of cases) {
    assert.throws(() => chooseConfig(json, client), { name: "TypeError", message }, json);
  }
});

/** A name server, a server that fails all attempts, and a channel by name. */
async function start(options: ChannelOptions) {
  let attempts = 0;
  const server = await serve("127.0.0.1:0", (router) => {
    router.method("/t.S/Fail", {}, () => {
      attempts++;
      throw new RpcError(Status.UNAVAILABLE, "no");
    });
  });
  const dns = new DnsServer();
  dns.addresses = ["127.0.0.1"];
  const port = server.addresses[0].split(":")[1];
  const channel = connect(`dns://127.0.0.1:${dns.port}/orders.test:${port}`, options);
  return {
    dns,
    channel,
    async attempts() {
      attempts = 0;
      const error = await failure(channel.call("/t.S/Fail", EMPTY));
      return { attempts, error };
    },
    async [Symbol.asyncDispose]() {
      await channel.close();
      await server.close();
      await dns[Symbol.asyncDispose]();
    },
  };
}

const retrying = JSON.stringify([{
  serviceConfig: {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [{
      name: [{}],
      retryPolicy: {
        maxAttempts: 3,
        initialBackoff: "0.001s",
        maxBackoff: "0.001s",
        backoffMultiplier: 1,
        retryableStatusCodes: ["UNAVAILABLE"],
      },
    }],
  },
}]);

/** A TXT record has parts of at most 255 bytes (RFC 1035 §3.3.14). */
const parts = (text: string) => text.match(/.{1,200}/g)!;

Deno.test("a channel with dnsServiceConfig uses the TXT record of its name", async () => {
  await using rig = await start({ dnsServiceConfig: true });
  rig.dns.texts.set("_grpc_config.orders.test", [
    ["v=spf1 -all"],
    parts(`grpc_config=${retrying}`),
  ]);
  assert.equal((await rig.attempts()).attempts, 3);
  // round_robin: the name was resolved to its addresses.
  assert.match(rig.channel.stats().addresses[0].address, /^127\.0\.0\.1:/);
});

Deno.test("TXT records are not looked up unless asked for, and need not exist", async () => {
  await using without = await start({});
  without.dns.texts.set("_grpc_config.orders.test", [parts(`grpc_config=${retrying}`)]);
  assert.equal((await without.attempts()).attempts, 1);
  await using none = await start({ dnsServiceConfig: true });
  assert.equal((await none.attempts()).attempts, 1);
});

Deno.test("a TXT record that is not valid makes calls fail until it is", async () => {
  await using rig = await start({ dnsServiceConfig: true });
  rig.dns.texts.set("_grpc_config.orders.test", [["grpc_config={}"]]);
  const { attempts, error } = await rig.attempts();
  assert.equal(attempts, 0);
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /TXT record of the service config: it must be a list of choices/);
});
