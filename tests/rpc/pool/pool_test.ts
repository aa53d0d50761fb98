import assert from "node:assert/strict";
import { type ChannelOptions, type RpcError, Status } from "../../../mod.ts";
import type { ChannelState } from "../../../src/rpc/pool/mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { text, untext } from "../../calls/methods.ts";
import { Network } from "../../fixtures/network.ts";

const EMPTY = new Uint8Array();

async function failure(promise: Promise<unknown>): Promise<RpcError> {
  try {
    await promise;
  } catch (error) {
    return error as RpcError;
  }
  throw new Error("it succeeded");
}

function hang(channel: ReturnType<Network["connect"]>, key: string, signal?: AbortSignal) {
  const call = channel.call("/suite/hang", text(key), { signal });
  call.catch(() => {});
  return call;
}

Deno.test("without a server a call fails at once with the reason, and one that waits succeeds later", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  const waiting = channel.call("/suite/echo", text("patient"), { waitForReady: true });
  const error = await failure(channel.call("/suite/echo", EMPTY));
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.equal(error.message, "Cannot connect to a: nobody is there");
  assert.equal(channel.state, "TRANSIENT_FAILURE");
  assert.equal(channel.stats().queuedCalls, 1);
  await network.up("a");
  await network.pass(1_000);
  assert.equal(untext(await waiting), "patient");
  assert.equal(channel.state, "READY");
});

Deno.test("dials follow gRPC's back-off: 1 s, then 1.6 times longer, at most 120 s", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  await failure(channel.call("/suite/echo", EMPTY));
  for (let i = 0; i < 400; i++) await network.pass(1_000);
  const waits = network.dials.map(({ atMs }, i) => atMs - (network.dials[i - 1]?.atMs ?? 0));
  const expected = [0, 1_000, 1_600, 2_560, 4_096, 6_553.6, 10_485.8, 16_777.2, 26_843.5];
  for (const [i, wait] of expected.entries()) {
    assert.ok(Math.abs(waits[i] - wait) < 1, `wait ${i} was ${waits[i]}, not ${wait}`);
  }
  assert.ok(waits.every((wait) => wait <= 120_001));
});

Deno.test("the back-off's first and longest wait are options, with jitter of a fifth", async () => {
  await using network = new Network();
  const channel = network.connect("a", {
    initialBackoffMs: 50,
    maxBackoffMs: 200,
  }, () => 0);
  await failure(channel.call("/suite/echo", EMPTY));
  for (let i = 0; i < 100; i++) await network.pass(10);
  const waits = network.dials.map(({ atMs }, i) => atMs - (network.dials[i - 1]?.atMs ?? 0));
  for (const [i, wait] of [0, 40, 64, 102.4, 160, 160].entries()) {
    assert.ok(Math.abs(waits[i] - wait) < 1, `wait ${i} was ${waits[i]}, not ${wait}`);
  }
});

Deno.test("a connection that is lost ends its calls and is made anew at once", async () => {
  await using network = new Network();
  const host = await network.up("a");
  const channel = network.connect("a");
  await channel.ready();
  await network.pass(5_000);
  const call = hang(channel, "k");
  await host.seen.wait("k started");
  host.streams[0].close();
  assert.equal((await failure(call)).code, Status.UNAVAILABLE);
  await network.until(() => channel.state === "READY");
  assert.equal(network.dials.length, 2);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("a dial without an answer is given up after connectTimeoutMs", async () => {
  await using network = new Network();
  network.silent.add("a");
  const channel = network.connect("a", { connectTimeoutMs: 3_000 });
  const call = failure(channel.call("/suite/echo", EMPTY));
  await network.settle();
  assert.equal(channel.state, "CONNECTING");
  await network.pass(3_000);
  assert.match((await call).message, /Cannot connect to a: timed out after 3000 ms/);
});

Deno.test("a server that says nothing after connecting is given up as well", async () => {
  await using network = new Network();
  const [here, there] = memoryPair();
  const channel = network.connect("a", {
    connectTimeoutMs: 3_000,
    dial: () => Promise.resolve(here),
  });
  const call = failure(channel.call("/suite/echo", EMPTY));
  await network.settle();
  await network.pass(3_000);
  assert.equal((await call).code, Status.UNAVAILABLE);
  there.close();
});

const FOREIGN: [name: string, said: string, wire: "grpc" | "lean", text: RegExp][] = [
  ["nothing", "", "grpc", /^Cannot connect to a: The peer closed the connection$/],
  ["nothing, on lean", "", "lean", /^Cannot connect to a: The peer closed the connection$/],
  [
    "HTTP/1",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "grpc",
    /^Cannot connect to a: .* speaks HTTP\/1$/,
  ],
  [
    "HTTP/1, on lean",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "lean",
    /^Cannot connect to a: .* speak HTTP\/1$/,
  ],
  ["a TLS alert", "\x15\x03\x03\0\x02\x02\x46", "grpc", /^Cannot connect to a: .* speaks TLS$/],
  ["SSH", "SSH-2.0-OpenSSH_9.2\r\n", "grpc", /^Cannot connect to a: .* does not speak HTTP\/2$/],
];

for (const [name, said, wire, text] of FOREIGN) {
  Deno.test(`a server that says ${name} and hangs up is named with the reason`, async () => {
    await using network = new Network();
    const [here, there] = memoryPair();
    const channel = network.connect("a", { wire, dial: () => Promise.resolve(here) });
    const call = failure(channel.call("/suite/echo", EMPTY));
    await there.read(new Uint8Array(4096));
    if (said !== "") await there.write(new TextEncoder().encode(said));
    await there.closeWrite();
    const error = await call;
    assert.equal(error.code, Status.UNAVAILABLE);
    assert.match(error.message, text);
    there.close();
  });
}

Deno.test("the pool grows when all connections are at their limit, and shrinks when they are idle", async () => {
  await using network = new Network();
  const host = await network.up("a", { limits: { maxConcurrentStreams: 2 } });
  const channel = network.connect("a", { poolSize: { min: 1, max: 3, shrinkAfterMs: 10_000 } });
  const controller = new AbortController();
  const calls = Array.from({ length: 7 }, (_, i) => hang(channel, `k${i}`, controller.signal));
  await network.until(() => channel.stats().activeCalls === 6);
  let stats = channel.stats();
  assert.deepEqual(stats.connections.map((one) => one.activeCalls), [2, 2, 2]);
  assert.equal(stats.queuedCalls, 1);
  controller.abort();
  await Promise.allSettled(calls);
  await host.seen.wait("k0");
  await network.settle();
  for (let i = 0; i < 30; i++) await network.pass(1_000);
  stats = channel.stats();
  assert.equal(stats.connections.filter((one) => one.state === "ready").length, 1);
  assert.equal(stats.queuedCalls, 0);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("a fixed pool can be resized while it runs", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a", { poolSize: 2 });
  await channel.ready();
  const ready = () => channel.stats().connections.filter((one) => one.state === "ready").length;
  assert.equal(ready(), 2);
  channel.resize(4);
  await network.until(() => ready() === 4);
  channel.resize(1);
  await network.until(() => ready() === 1);
  assert.throws(() => channel.resize(0), RangeError);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("the queue has a limit", async () => {
  await using network = new Network();
  network.silent.add("a");
  const channel = network.connect("a", { maxQueuedCalls: 2 });
  const calls = [1, 2, 3].map(() => failure(channel.call("/suite/echo", EMPTY)));
  const third = await calls[2];
  assert.equal(third.code, Status.RESOURCE_EXHAUSTED);
  assert.equal(channel.stats().queuedCalls, 2);
  await channel.close();
  assert.equal((await calls[0]).code, Status.UNAVAILABLE);
});

Deno.test("a queued call can be cancelled and has a deadline", async () => {
  await using network = new Network();
  network.silent.add("a");
  const channel = network.connect("a");
  const controller = new AbortController();
  const cancelled = failure(channel.call("/suite/echo", EMPTY, { signal: controller.signal }));
  const late = failure(channel.call("/suite/echo", EMPTY, { timeoutMs: 500 }));
  controller.abort();
  assert.equal((await cancelled).code, Status.CANCELLED);
  await network.pass(502);
  assert.equal((await late).code, Status.DEADLINE_EXCEEDED);
  assert.equal(channel.stats().queuedCalls, 0);
});

Deno.test("without calls for idleTimeoutMs the channel is IDLE, and wakes up with the next", async () => {
  await using network = new Network();
  const host = await network.up("a");
  const channel = network.connect("a", { idleTimeoutMs: 60_000 });
  await channel.call("/suite/echo", EMPTY);
  await network.pass(60_000);
  // There was a call since the last look.
  assert.equal(channel.state, "READY");
  await network.pass(60_000);
  assert.equal(channel.state, "IDLE");
  for (let i = 0; i < 3; i++) await network.pass(1_000);
  assert.equal(channel.stats().connections.length, 0);
  assert.equal(untext(await channel.call("/suite/echo", text("hi"))), "hi");
  assert.equal(host.streams.length, 2);
});

Deno.test("a server that drains keeps its open calls; new ones go to a new connection", async () => {
  await using network = new Network();
  const first = await network.up("a");
  const channel = network.connect("a", { poolSize: 1 });
  const controller = new AbortController();
  const old = hang(channel, "k", controller.signal);
  await first.seen.wait("k started");
  await network.pass(2_000);
  const second = await network.up("a");
  const shutdown = first.server.shutdown({ graceMs: 5_000 });
  await network.until(() => second.streams.length === 1);
  await network.until(() => channel.state === "READY");
  assert.equal(untext(await channel.call("/suite/echo", text("new"))), "new");
  const states = channel.stats().connections.map((one) => one.state).sort();
  assert.deepEqual(states, ["draining", "ready"]);
  controller.abort();
  assert.equal((await failure(old)).code, Status.CANCELLED);
  await shutdown;
});

Deno.test("states can be watched", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  const states: ChannelState[] = [];
  const watching = (async () => {
    for await (const state of channel.watchState()) states.push(state);
  })();
  await failure(channel.call("/suite/echo", EMPTY));
  await network.up("a");
  await network.pass(1_000);
  await network.until(() => channel.state === "READY");
  await network.settle();
  const closing = channel.close();
  await network.pass(1_000);
  await closing;
  await watching;
  assert.deepEqual(states, ["IDLE", "CONNECTING", "TRANSIENT_FAILURE", "READY", "SHUTDOWN"]);
});

Deno.test("ready() rejects with the reason", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  const ready = failure(channel.ready({ timeoutMs: 2_000 }));
  await network.settle();
  await network.pass(2_000);
  const error = await ready;
  assert.equal(error.code, Status.UNAVAILABLE);
  assert.equal(
    error.message,
    "Channel to a: not ready after 2000 ms: Cannot connect to a: nobody is there",
  );
});

Deno.test("round_robin goes around all addresses, and past one that is gone", async () => {
  await using network = new Network();
  for (const name of ["a", "b", "c"]) await network.up(name);
  const channel = network.connect(["a", "b", "c"], { balancer: "round_robin", poolSize: 1 });
  await channel.ready();
  await Promise.all(Array.from({ length: 30 }, () => channel.call("/suite/echo", EMPTY)));
  const started = () => channel.stats().connections.map((one) => one.callsStarted);
  assert.deepEqual(started(), [10, 10, 10]);
  await network.down("b");
  await network.until(() => channel.stats().connections.length === 2);
  await Promise.all(Array.from({ length: 30 }, () => channel.call("/suite/echo", EMPTY)));
  assert.deepEqual(started(), [25, 25]);
});

Deno.test("pick_first stays with one address and goes to the next when it fails", async () => {
  await using network = new Network();
  await network.up("b");
  await network.up("c");
  const channel = network.connect(["a", "b", "c"], { balancer: "pick_first", poolSize: 1 });
  await Promise.all(Array.from({ length: 9 }, () => channel.call("/suite/echo", EMPTY)));
  assert.deepEqual(network.dials.map(({ name }) => name), ["a", "b"]);
  assert.deepEqual(channel.stats().connections.map((one) => one.callsStarted), [9]);
  await network.down("b");
  await channel.call("/suite/echo", EMPTY, { waitForReady: true });
  assert.equal(channel.stats().connections[0].address, "c");
});

Deno.test("least_request avoids the address that is busy", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name);
  let seed = 1;
  const random = () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
  const channel = network.connect(["a", "b"], { poolSize: 1 }, random);
  await channel.ready();
  const controller = new AbortController();
  for (let i = 0; i < 10; i++) hang(channel, `k${i}`, controller.signal);
  assert.deepEqual(channel.stats().connections.map((one) => one.activeCalls), [5, 5]);
  controller.abort();
});

Deno.test("a resolver's new answer is followed when a backend goes", async () => {
  await using network = new Network();
  await network.up("10.0.0.1:1");
  await network.up("10.0.0.2:1");
  let answer = ["10.0.0.1"];
  const channel = network.connect("dns:backend:1", {
    balancer: "round_robin",
    poolSize: 1,
    minResolveIntervalMs: 500,
    resolver: (name, port) => {
      assert.equal(name, "backend");
      return Promise.resolve(answer.map((host) => ({ kind: "tcp" as const, host, port })));
    },
  });
  await channel.call("/suite/echo", EMPTY);
  assert.deepEqual(channel.stats().addresses.map((one) => one.address), ["10.0.0.1:1"]);
  answer = ["10.0.0.2", "10.0.0.3"];
  await network.down("10.0.0.1:1");
  await network.until(() => channel.state === "TRANSIENT_FAILURE");
  await network.pass(500);
  await network.until(() => channel.state === "READY");
  assert.deepEqual(channel.stats().addresses.map((one) => one.address), [
    "10.0.0.2:1",
    "10.0.0.3:1",
  ]);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("a health check by ping gives up a connection that doesn't answer", async () => {
  await using network = new Network();
  const { memoryPair } = await import("../../../src/transport/memory.ts");
  await network.up("a");
  // A black hole: it lets the handshake through, and then swallows everything.
  let swallow = false;
  const channel = network.connect("a", {
    healthCheck: { intervalMs: 1_000, timeoutMs: 500 },
    dial: () => {
      const [here, middle] = memoryPair();
      const [server, there] = memoryPair();
      network.hosts.get("a")!.server.serveConnection(there);
      const pipe = async (from: typeof here, to: typeof here) => {
        const buffer = new Uint8Array(65_536);
        try {
          for (;;) {
            const count = await from.read(buffer);
            if (count === null) break;
            for (let sent = 0; sent < count && !swallow;) {
              sent += await to.write(buffer.subarray(sent, count));
            }
          }
        } catch {
          // The other side is gone.
        }
        to.close();
      };
      pipe(middle, server);
      pipe(server, middle);
      return Promise.resolve(here);
    },
  });
  await channel.ready();
  await network.pass(1_000);
  assert.ok(channel.stats().connections[0].pingMs! >= 0);
  swallow = true;
  await network.pass(1_000);
  await network.pass(500);
  assert.match(
    channel.stats().addresses[0].lastError!,
    /did not answer a health check within 500 ms/,
  );
});

Deno.test("a first health check is a part of connecting: calls wait for it, again after each new connection", async () => {
  await using network = new Network();
  const host = await network.up("a");
  const channel = network.connect("a", { healthCheck: { service: "" } });
  const states: ChannelState[] = [];
  (async () => {
    for await (const state of channel.watchState()) states.push(state);
  })();
  for (let i = 0; i < 3; i++) {
    assert.equal(untext(await channel.call("/suite/echo", text("x"))), "x");
    await network.pass(2_000);
    host.streams.at(-1)!.close();
    await network.until(() => network.dials.length === i + 2);
  }
  assert.ok(!states.includes("TRANSIENT_FAILURE"), `${states}`);
});

Deno.test("a health check by service keeps calls from a server that isn't serving", async () => {
  await using network = new Network();
  const a = await network.up("a");
  await network.up("b");
  const channel = network.connect(["a", "b"], {
    balancer: "round_robin",
    poolSize: 1,
    healthCheck: { service: "", intervalMs: 1_000 },
  });
  await channel.ready();
  await network.until(() => channel.stats().connections.every((one) => one.state === "ready"));
  a.health.set("", "NOT_SERVING");
  await network.pass(1_000);
  await network.until(() => channel.stats().connections.some((one) => one.state === "unhealthy"));
  const calls = () => channel.stats().connections.find((one) => one.address === "a")!.callsStarted;
  const before = calls();
  await Promise.all(Array.from({ length: 10 }, () => channel.call("/suite/echo", EMPTY)));
  assert.equal(calls(), before);
  a.health.set("", "SERVING");
  await network.pass(1_000);
  await network.until(() => channel.stats().connections.every((one) => one.state === "ready"));
});

Deno.test("a server that objects to pings gets half as many from the next connection", async () => {
  await using network = new Network();
  // The server's own clock hardly moves, so that all pings come too fast for it.
  await network.up("a");
  const channel = network.connect("a", { keepaliveTimeMs: 10_000, keepaliveWithoutCalls: true });
  await channel.ready();
  for (let i = 0; i < 40 && network.dials.length < 3; i++) await network.pass(5_000);
  const lives = network.dials.map(({ atMs }, i) => atMs - (network.dials[i - 1]?.atMs ?? 0));
  assert.ok(lives[1] > 0 && lives[2] >= lives[1] * 1.9, `${lives}`);
});

Deno.test("a signal that outlives a million calls keeps nothing of them", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a");
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (
    ...args: Parameters<typeof remove>
  ) => (listeners--, remove(...args));
  for (let i = 0; i < 20; i++) {
    await Promise.all(
      Array.from({ length: 50 }, () => channel.call("/suite/echo", EMPTY, { signal })),
    );
    assert.equal(listeners, 0);
  }
});

Deno.test("options that can't be are refused where they are given", async () => {
  const { connect } = await import("../../../mod.ts");
  for (
    const options of [
      { poolSize: 0 },
      { poolSize: { min: 3, max: 2 } },
      { initialBackoffMs: 0 },
      { initialBackoffMs: 10, maxBackoffMs: 5 },
      { connectTimeoutMs: -1 },
      { batch: { maxCalls: 0 } },
    ]
  ) {
    assert.throws(() => connect("127.0.0.1:1", options), RangeError, JSON.stringify(options));
  }
  assert.throws(() => connect("nonsense"), TypeError);
  assert.throws(() => connect([]), TypeError);
  assert.throws(
    () => connect("localhost:1", { tls: { ca: "x" } }),
    /^TypeError: tls\.ca holds no PEM/,
  );
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`a slow server has all of connectTimeoutMs for its first settings, ${wire}`, async () => {
    for (const connectTimeoutMs of [undefined, 25_000]) {
      await using network = new Network();
      const [here, there] = memoryPair();
      const channel = network.connect("a", {
        wire,
        connectTimeoutMs,
        dial: () => Promise.resolve(here),
      });
      const call = failure(channel.call("/suite/echo", EMPTY));
      await there.read(new Uint8Array(4096));
      for (let ms = 1_000; ms < (connectTimeoutMs ?? 20_000); ms += 1_000) {
        await network.pass(1_000);
      }
      assert.equal(channel.state, "CONNECTING");
      await network.pass(1_000);
      assert.match((await call).message, /^Cannot connect to a: timed out after \d+ ms$/);
      there.close();
    }
  });
}

Deno.test("a further connection that can't be had holds nobody up when the only one goes", async () => {
  await using network = new Network();
  const host = await network.up("a", {
    maxConnectionAgeMs: 600_000,
    limits: { maxConcurrentStreams: 2 },
  });
  const channel = network.connect("a");
  await channel.ready();
  // Three calls at once, two allowed: the pool wants one more connection, and waits longer each time.
  network.hosts.delete("a");
  const calls = [new AbortController(), new AbortController()];
  for (const { signal } of calls) hang(channel, "k", signal);
  const third = channel.call("/suite/echo", EMPTY);
  await network.pass(0);
  for (let i = 0; i < 300; i++) await network.pass(1_000);
  assert.ok(network.dials.length > 3, `${network.dials.length}`);
  assert.equal(channel.state, "READY");
  for (const call of calls) call.abort();
  await third;
  network.hosts.set("a", host);
  host.streams[0].close();
  await network.until(() => channel.state === "READY" && channel.stats().connections.length === 1);
  await channel.call("/suite/echo", EMPTY);
});

/** Names that let in as many connections as `room` says; the default is one. */
function crowded(network: Network, room: Record<string, number> = {}): ChannelOptions {
  const open: Record<string, number> = {};
  return {
    dial: (name) => {
      network.dials.push({ name, atMs: network.clock.now() });
      open[name] = (open[name] ?? 0) + 1;
      if (open[name] > (room[name] ?? 1)) return Promise.reject(new Error("no room"));
      const [here, there] = memoryPair();
      network.hosts.get(name)!.server.serveConnection(there);
      return Promise.resolve(here);
    },
  };
}

Deno.test("the pool grows at another address while one lets no more in", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name, { limits: { maxConcurrentStreams: 1 } });
  const channel = network.connect(["a", "b"], {
    balancer: "round_robin",
    ...crowded(network, { b: 3 }),
  });
  await channel.ready();
  await network.until(() => channel.stats().connections.length === 2);
  const controller = new AbortController();
  const calls = Array.from({ length: 4 }, (_, i) => hang(channel, `k${i}`, controller.signal));
  await network.until(() => channel.stats().activeCalls === 4);
  assert.deepEqual(network.dials.map(({ name }) => name).join(""), "ababb");
  controller.abort();
  await Promise.allSettled(calls);
});

Deno.test("further connections that failed are dialled again one at a time", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a", crowded(network));
  await channel.ready();
  channel.resize(8);
  await network.settle();
  assert.equal(network.dials.length, 8);
  for (let i = 0; i < 10; i++) await network.pass(20_000);
  const times = network.dials.slice(8).map(({ atMs }) => atMs);
  assert.ok(times.length > 1, `${times}`);
  assert.equal(new Set(times).size, times.length, `${times}`);
});

Deno.test("ready() does not wait for an address that lets no more in beside one that does", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name);
  const channel = network.connect(["a", "b"], {
    balancer: "round_robin",
    poolSize: 2,
    ...crowded(network, { b: 2 }),
  });
  const ready = channel.ready().then(() => "ready", () => "not ready");
  await network.settle();
  for (let i = 0; i < 20; i++) await network.pass(1_000);
  assert.equal(await ready, "ready");
});
