import assert from "node:assert/strict";
import { type Channel, type ChannelOptions, type RpcError, Status } from "../../../mod.ts";
import { registerBalancer } from "../../../src/rpc/balancer/mod.ts";
import {
  type CallConfig,
  type ConfigSelector,
  PickFailure,
  registerResolver,
} from "../../../src/rpc/resolver/mod.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { Steps } from "../resolver/steps.ts";
import { passUntil } from "./policy_server.ts";

/** A channel whose resolver yields what the test sets, and a server named `a`. */
async function start(network: Network, scheme: string, options: ChannelOptions = {}) {
  const host = await network.up("a");
  const steps = new Steps();
  registerResolver(scheme, steps);
  const channel = network.connect(`${scheme}:///x`, options);
  return { host, steps, channel };
}

/** Makes a call to `/suite/fail`, which ends with the code, and returns its error and number of attempts. */
async function attemptsOf(network: Network, channel: Channel, code: Status) {
  const before = channel.stats().callsStarted;
  const failing = failure(channel.call("/suite/fail", text(JSON.stringify({ code, message: "" }))));
  await passUntil(network, failing);
  return { error: await failing, attempts: channel.stats().callsStarted - before };
}

const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: "0.1s",
  maxBackoff: "1s",
  backoffMultiplier: 2,
  retryableStatusCodes: ["UNAVAILABLE"],
};
const retrying = { methodConfig: [{ name: [{ service: "suite", method: "fail" }], retryPolicy }] };

/** A selector whose answer a test sets. */
class Selector implements ConfigSelector {
  readonly calls: { path: string; key: string | undefined }[] = [];
  readonly events: string[] = [];

  constructor(public answer: CallConfig | PickFailure = {}) {}

  select({ path, metadata }: Parameters<ConfigSelector["select"]>[0]) {
    this.calls.push({ path, key: metadata?.get("key") });
    if (this.answer instanceof PickFailure) return this.answer;
    return {
      ...this.answer,
      onCommitted: () => void this.events.push("committed"),
      onEnded: (code: Status) => void this.events.push(`ended ${code}`),
    };
  }
}

Deno.test("a resolver's service config applies to calls that begin before and after it", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-a");
  const early = attemptsOf(network, channel, Status.UNAVAILABLE);
  await network.settle();
  steps.set({ addresses: ["a"], serviceConfig: retrying });
  assert.equal((await early).attempts, 3);
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 3);
  assert.equal((await attemptsOf(network, channel, Status.ABORTED)).attempts, 1);
  steps.set({ addresses: ["a"], serviceConfig: JSON.stringify({ methodConfig: [] }) });
  await network.settle();
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 1);
  // One that is not valid keeps the one before, and its addresses are used.
  steps.set({ addresses: ["a"], serviceConfig: retrying });
  await network.settle();
  await network.up("b");
  steps.set({ addresses: ["b"], serviceConfig: "{" });
  await network.until(() => channel.stats().addresses[0]?.address === "b");
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 3);
});

Deno.test("without a valid service config calls fail, until there is one (gRPC A21)", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-b", { serviceConfig: retrying });
  const waits = channel.call("/suite/echo", EMPTY, { waitForReady: true });
  const failed = failure(channel.call("/suite/echo", EMPTY));
  await network.settle();
  steps.set({ addresses: ["a"], serviceConfig: { methodConfig: 5 } });
  const error = await failed;
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.match(error.message, /service config: methodConfig: 5 is not a list/);
  // Later ones fail at once.
  assert.equal((await failure(channel.call("/suite/echo", EMPTY))).code, Status.UNAVAILABLE);
  steps.set({ addresses: ["a"] });
  await waits;
  // The channel's own config applies while the resolver has none.
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 3);
});

Deno.test("timeout and waitForReady: the caller's word counts, and the shorter time", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-c", { timeoutMs: 60_000 });
  const remaining = async (options = {}) => {
    const reply = channel.call("/suite/remaining", EMPTY, options);
    await network.settle();
    return Number(untext(await reply));
  };
  const early = remaining();
  steps.set({
    addresses: ["a"],
    serviceConfig: { methodConfig: [{ name: [{}], timeout: "5s", waitForReady: true }] },
  });
  assert.ok(await early <= 5_000);
  assert.ok(await remaining() <= 5_000);
  assert.ok(await remaining({ timeoutMs: 1_000 }) <= 1_000);
  const shared = { timeoutMs: 600_000, parent: null };
  assert.ok(await remaining(shared) <= 5_000);
  // The server's stream is cancelled by the deadline of the config, in calls of each kind.
  const hung = failure(channel.call("/suite/hang", text("k")));
  const iterator = channel.stream("/suite/firehose", text("f"))[Symbol.asyncIterator]();
  await iterator.next();
  await network.pass(5_100);
  assert.equal((await hung).code, Status.DEADLINE_EXCEEDED);
  const ended = await failure((async () => {
    while (!(await iterator.next()).done);
  })());
  assert.equal(ended.code, Status.DEADLINE_EXCEEDED);
  // waitForReady of the config, unless the caller says otherwise.
  await network.down("a");
  await network.until(() => channel.state !== "READY");
  const waits = channel.call("/suite/echo", EMPTY);
  const fails = failure(channel.call("/suite/echo", EMPTY, { waitForReady: false }));
  await network.settle();
  assert.equal((await fails).code, Status.UNAVAILABLE);
  await network.up("a");
  await passUntil(network, waits);
  await waits;
});

Deno.test("limits of messages apply to calls of each kind, early ones too", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-d");
  const big = new Uint8Array(100);
  const early = failure(channel.call("/suite/echo", big));
  const session = channel.session("/suite/bidi", { initial: big });
  const earlySession = failure(session.receive() as Promise<unknown>);
  await network.settle();
  const limits = { maxRequestMessageBytes: 50, maxResponseMessageBytes: 20 };
  steps.set({ addresses: ["a"], serviceConfig: { methodConfig: [{ name: [{}], ...limits }] } });
  const check = (error: RpcError, limit: number) => {
    assert.equal(error.code, Status.RESOURCE_EXHAUSTED);
    assert.match(error.message, new RegExp(`limit is ${limit}|${limit}`));
  };
  check(await early, 50);
  check(await earlySession, 50);
  check(await failure(channel.call("/suite/echo", big)), 50);
  check(await failure(channel.call("/suite/big", text("21"))), 20);
  assert.equal((await channel.call("/suite/big", text("20"))).length, 20);
});

Deno.test("early calls count as queued, and can be cancelled", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-e", { maxQueuedCalls: 2 });
  const abort = new AbortController();
  const cancelled = failure(channel.call("/suite/echo", EMPTY, { signal: abort.signal }));
  const late = failure(channel.call("/suite/echo", EMPTY, { timeoutMs: 1_000 }));
  await network.settle();
  assert.equal(channel.stats().queuedCalls, 2);
  assert.equal((await failure(channel.call("/suite/echo", EMPTY))).code, Status.RESOURCE_EXHAUSTED);
  abort.abort();
  assert.equal((await cancelled).code, Status.CANCELLED);
  await network.pass(1_001);
  assert.equal((await late).code, Status.DEADLINE_EXCEEDED);
  assert.equal(channel.stats().queuedCalls, 0);
  const closed = failure(channel.call("/suite/echo", EMPTY));
  await channel.close();
  assert.equal((await closed).code, Status.UNAVAILABLE);
  steps.set({ addresses: ["a"] });
});

Deno.test("a config selector gets path and metadata, and its settings apply", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-f");
  const selector = new Selector({
    settings: {
      retry: {
        maxAttempts: 2,
        initialBackoffMs: 10,
        maxBackoffMs: 10,
        backoffMultiplier: 1,
        retryableCodes: new Set([Status.UNAVAILABLE]),
      },
    },
  });
  const early = channel.call("/suite/echo", EMPTY, { metadata: { key: "first" } });
  await network.settle();
  // With a selector, methodConfig is not used.
  steps.set({
    addresses: ["a"],
    configSelector: selector,
    serviceConfig: { methodConfig: [{ name: [{}], timeout: "0.000001s" }] },
  });
  await early;
  assert.deepEqual(selector.calls, [{ path: "/suite/echo", key: "first" }]);
  assert.deepEqual(selector.events.splice(0), ["committed", `ended ${Status.OK}`]);
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 2);
  assert.equal(selector.calls.length, 2);
  assert.deepEqual(selector.events.splice(0), ["committed", `ended ${Status.UNAVAILABLE}`]);
  const stream = channel.stream("/suite/firehose", text("s"))[Symbol.asyncIterator]();
  await stream.next();
  assert.deepEqual(selector.events.splice(0), ["committed"]);
  await stream.return!();
  assert.deepEqual(selector.events, [`ended ${Status.CANCELLED}`]);
});

Deno.test("a config selector delays and ends calls, and its failures are those of a control plane", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-g");
  const selector = new Selector({ delayMs: 1_000 });
  steps.set({ addresses: ["a"], configSelector: selector });
  let done = false;
  const delayed = channel.call("/suite/echo", text("x")).then(() => done = true);
  await network.settle();
  await network.pass(900);
  assert.ok(!done);
  await network.pass(101);
  await delayed;
  selector.answer = { failure: { code: Status.NOT_FOUND, message: "injected" } };
  const injected = await failure(channel.call("/suite/echo", EMPTY));
  assert.equal(injected.code, Status.NOT_FOUND);
  assert.match(injected.message, /injected/);
  selector.answer = new PickFailure(Status.UNAVAILABLE, "no route");
  assert.match((await failure(channel.call("/suite/echo", EMPTY))).message, /no route/);
  selector.answer = new PickFailure(Status.NOT_FOUND, "no route");
  assert.equal((await failure(channel.call("/suite/echo", EMPTY))).code, Status.INTERNAL);
  selector.select = () => {
    throw new Error("oops");
  };
  const broken = await failure(channel.call("/suite/echo", EMPTY));
  assert.equal(broken.code, Status.INTERNAL);
  assert.match(broken.message, /config selector failed: oops/);
  // A cancelled call does not begin after its delay.
  const later = new Selector({ delayMs: 1_000 });
  steps.set({ addresses: ["a"], configSelector: later });
  await network.settle();
  const before = channel.stats().callsStarted;
  const given = failure(channel.call("/suite/echo", EMPTY, { timeoutMs: 500 }));
  await network.settle();
  await network.pass(501);
  assert.equal((await given).code, Status.DEADLINE_EXCEEDED);
  await network.pass(1_000);
  assert.equal(channel.stats().callsStarted, before);
});

Deno.test("pickers see the attributes of calls, on an update that brings both", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-h");
  await network.up("b");
  registerBalancer({
    name: "test.by_cluster",
    create(host) {
      const ready = new Map<string, ReturnType<typeof host.createSubchannel>>();
      return {
        update({ addresses }) {
          for (const address of addresses) {
            const one = host.createSubchannel(address, {
              onState(state) {
                if (state !== "READY") return;
                ready.set(address.address, one);
                host.updateState("READY", {
                  dependsOnCall: true,
                  pick: ({ attributes }) => ready.get(attributes?.cluster as string),
                });
              },
            });
            one.connect();
          }
        },
        close() {},
      };
    },
  });
  const selector: ConfigSelector = {
    select: ({ metadata }) => ({ attributes: { cluster: metadata?.get("key") } }),
  };
  const call = (key: string) => channel.call("/suite/echo", EMPTY, { metadata: { key } });
  const early = call("b");
  await network.settle();
  steps.set({
    addresses: ["a", "b"],
    configSelector: selector,
    serviceConfig: { loadBalancingConfig: [{ "test.by_cluster": {} }] },
  });
  await early;
  for (const key of ["a", "b", "a"]) await call(key);
  const { connections } = channel.stats();
  const calls = Object.fromEntries(connections.map((one) => [one.address, one.callsStarted]));
  assert.deepEqual(calls, { a: 2, b: 2 });
});

Deno.test("an idle channel resolves its config again", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-i", { idleTimeoutMs: 5_000 });
  const first = channel.call("/suite/echo", EMPTY);
  await network.settle();
  steps.set({ addresses: ["a"], serviceConfig: retrying });
  await first;
  for (let i = 0; i < 4; i++) await network.pass(5_000);
  assert.equal(channel.state, "IDLE");
  const second = attemptsOf(network, channel, Status.UNAVAILABLE);
  await network.settle();
  assert.equal(channel.stats().queuedCalls, 1);
  steps.set({ addresses: ["a"], serviceConfig: { methodConfig: [] } });
  assert.equal((await second).attempts, 1);
});

Deno.test("throttling of retries survives updates with the same limits", async () => {
  await using network = new Network();
  const { steps, channel } = await start(network, "config-j");
  const serviceConfig = () => ({ ...retrying, retryThrottling: { maxTokens: 4, tokenRatio: 0.1 } });
  steps.set({ addresses: ["a"], serviceConfig: serviceConfig() });
  await channel.call("/suite/echo", EMPTY);
  // Two tokens of four are left after the second failure.
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 2);
  steps.set({ addresses: ["a"], serviceConfig: serviceConfig() });
  await network.settle();
  assert.equal((await attemptsOf(network, channel, Status.UNAVAILABLE)).attempts, 1);
});
