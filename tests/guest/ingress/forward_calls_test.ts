import assert from "node:assert/strict";
import { connect, Metadata, RpcError, serve, Status, textCodec } from "../../../mod.ts";
import { forwardCalls } from "../../../src/guest/mod.ts";
import { addHealth } from "../../../src/services/mod.ts";
import { until } from "../../fixtures/waiting.ts";

const TEXT = { requestCodec: textCodec, responseCodec: textCodec } as const;

/** A guest with a method of each kind. */
function guest(name: string, waits = { started: 0, ended: 0 }) {
  return serve("127.0.0.1:0", (router) => {
    addHealth(router);
    router.method("/name", TEXT, (_, context) => {
      context.responseHeaders.set("x-guest", name);
      context.responseTrailers.set("x-end", `${context.metadata.get("x-caller")}`);
      return name;
    });
    router.method("/fail", TEXT, () => {
      const details = [{ typeUrl: "t/a", value: new Uint8Array([1]) }];
      throw new RpcError(Status.NOT_FOUND, "There is none", { details });
    });
    router.method("/count", { ...TEXT, kind: "server_streaming" }, async function* (text) {
      for (let i = 0; i < Number(text); i++) yield `${i}`;
    });
    router.method("/join", { ...TEXT, kind: "client_streaming" }, async (texts) => {
      let all = "";
      for await (const text of texts) all += text;
      return all;
    });
    router.method("/wait", TEXT, async (_, context) => {
      waits.started++;
      if (!context.signal.aborted) {
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }
      waits.ended++;
      return "";
    });
  });
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`calls of each kind reach the guest through the parent, ${wire}`, async () => {
    await using server = await guest("g1");
    await using link = connect(server.addresses[0]);
    await using parent = await serve("127.0.0.1:0", (router) => {
      router.method("/own", TEXT, () => "parent");
    }, { dispatcher: forwardCalls(link) });
    await using channel = connect(parent.addresses[0], { wire });
    const seen: (string | undefined)[] = [];
    const unary = (path: string) =>
      channel.method<string, string>({ ...TEXT, path, kind: "unary" }).unary;
    const name = await unary("/name")("", {
      metadata: { "x-caller": "me" },
      onHeaders: (headers) => seen.push(headers.get("x-guest") as string),
      onTrailers: (trailers) => seen.push(trailers.get("x-end") as string),
    });
    assert.equal(name, "g1");
    assert.deepEqual(seen, ["g1", "me"]);
    assert.equal(await unary("/own")(""), "parent");
    await assert.rejects(unary("/fail")(""), (error) => {
      assert.ok(error instanceof RpcError);
      assert.equal(error.code, Status.NOT_FOUND);
      assert.equal(error.message, "There is none");
      assert.equal(error.details[0]?.typeUrl, "t/a");
      return true;
    });
    await assert.rejects(unary("/none")(""), { code: Status.UNIMPLEMENTED });
    const replies: string[] = [];
    const count = channel.method<string, string>({
      ...TEXT,
      path: "/count",
      kind: "server_streaming",
    });
    for await (const reply of count.serverStreaming("300")) replies.push(reply);
    assert.equal(replies.length, 300);
    const join = channel.method<string, string>({
      ...TEXT,
      path: "/join",
      kind: "client_streaming",
    });
    assert.equal(await join.clientStreaming(["a", "b", "c"]), "abc");
    assert.equal(link.stats().connections.length, 1);
  });
}

Deno.test("cancellation and deadlines reach the guest", async () => {
  const waits = { started: 0, ended: 0 };
  const over = () => waits.ended === waits.started && link.stats().activeCalls === 0;
  await using server = await guest("g1", waits);
  await using link = connect(server.addresses[0]);
  await using parent = await serve("127.0.0.1:0", () => {}, { dispatcher: forwardCalls(link) });
  await using channel = connect(parent.addresses[0]);
  const wait = channel.call("/wait", new Uint8Array(0), { timeoutMs: 100 });
  await assert.rejects(wait, { code: Status.DEADLINE_EXCEEDED });
  await until(over);
  const before = waits.started;
  const abort = new AbortController();
  const cancelled = channel.call("/wait", new Uint8Array(0), { signal: abort.signal });
  await until(() => waits.started > before);
  abort.abort();
  await assert.rejects(cancelled, { code: Status.CANCELLED });
  await until(over);
});

Deno.test("several guests share the calls, and one that is down gets none", async () => {
  const servers = await Promise.all(["g1", "g2"].map((name) => guest(name)));
  await using link = connect(servers.map((server) => server.addresses[0]), {
    healthCheck: { service: "", intervalMs: 50 },
    balancer: "round_robin",
  });
  await using parent = await serve("127.0.0.1:0", () => {}, { dispatcher: forwardCalls(link) });
  await using channel = connect(parent.addresses[0]);
  const name = async () =>
    new TextDecoder().decode(
      await channel.call("/name", new Uint8Array(0), { metadata: new Metadata() }),
    );
  await link.ready();
  const names = new Set<string>();
  while (names.size < 2) names.add(await name());
  await servers[0].close();
  await until(() => link.stats().connections.length < 2);
  for (let i = 0; i < 10; i++) assert.equal(await name(), "g2");
  await servers[1].close();
});
