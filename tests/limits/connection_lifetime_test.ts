import assert from "node:assert/strict";
import { ConnectionLifetime, type LifetimeLimits } from "../../src/limits/connection_lifetime.ts";

const NEVER: LifetimeLimits = {
  keepaliveTimeMs: Infinity,
  keepaliveTimeoutMs: 1_000,
  maxConnectionIdleMs: Infinity,
  maxConnectionAgeMs: Infinity,
  maxConnectionAgeGraceMs: Infinity,
};

function lifetime(limits: Partial<LifetimeLimits>, role: "client" | "server" = "server") {
  return new ConnectionLifetime({ ...NEVER, ...limits }, role, 0);
}

Deno.test("keepalive pings after silence and ends a connection whose ping is not answered", () => {
  const life = lifetime({ keepaliveTimeMs: 10_000 }, "client");
  assert.equal(life.nextMs, Infinity);
  life.startKeepalive(0);
  assert.equal(life.nextMs, 10_000);
  life.received(4_000);
  assert.equal(life.checkKeepalive(10_000, false), undefined);
  assert.equal(life.nextMs, 14_000);
  assert.equal(life.checkKeepalive(14_000, false), "ping");
  assert.equal(life.nextMs, 15_000);
  assert.equal(life.checkKeepalive(14_999, false), undefined);
  assert.equal(life.checkKeepalive(15_000, false), "lost");
});

Deno.test("an answered ping is followed by the next after as much silence as before", () => {
  const life = lifetime({ keepaliveTimeMs: 10_000 });
  life.startKeepalive(0);
  assert.equal(life.checkKeepalive(10_000, false), "ping");
  life.received(10_000);
  life.ponged();
  assert.equal(life.checkKeepalive(11_000, false), undefined);
  assert.equal(life.checkKeepalive(20_000, false), "ping");
});

Deno.test("any bytes prove that the peer is alive, although the answer to the ping is late", () => {
  const life = lifetime({ keepaliveTimeMs: 10_000 });
  life.startKeepalive(0);
  assert.equal(life.checkKeepalive(10_000, false), "ping");
  life.received(10_500);
  assert.equal(life.checkKeepalive(11_000, false), undefined);
  assert.equal(life.nextMs, 11_500);
  assert.equal(life.checkKeepalive(11_500, false), "lost");
});

Deno.test("a ping is not repeated while it is unanswered, and the next one is not late when it is", () => {
  const limits = { keepaliveTimeMs: 10_000, keepaliveTimeoutMs: 20_000 };
  const silent = lifetime(limits);
  silent.startKeepalive(0);
  assert.equal(silent.checkKeepalive(10_000, false), "ping");
  assert.equal(silent.checkKeepalive(20_000, false), undefined);
  assert.equal(silent.nextMs, 30_000);
  assert.equal(silent.checkKeepalive(30_000, false), "lost");
  const answering = lifetime(limits);
  answering.startKeepalive(0);
  assert.equal(answering.checkKeepalive(10_000, false), "ping");
  answering.received(10_001);
  answering.ponged();
  assert(answering.nextMs <= 20_001);
  assert.equal(answering.checkKeepalive(answering.nextMs, false), undefined);
  assert.equal(answering.checkKeepalive(20_001, false), "ping");
});

Deno.test("a quiet connection is not pinged", () => {
  const life = lifetime({ keepaliveTimeMs: 10_000 }, "client");
  life.startKeepalive(0);
  assert.equal(life.checkKeepalive(10_000, true), undefined);
  assert.equal(life.nextMs, 20_000);
  assert.equal(life.checkKeepalive(20_000, false), "ping");
});

Deno.test("keepalive is half as frequent after too_many_pings", () => {
  const life = lifetime({ keepaliveTimeMs: 10_000 }, "client");
  life.slowKeepalive();
  life.startKeepalive(0);
  assert.equal(life.nextMs, 20_000);
});

Deno.test("a connection without calls is drained after the idle time, one with calls is not", () => {
  const life = lifetime({ maxConnectionIdleMs: 1_000 });
  assert.equal(life.nextMs, 1_000);
  life.callOpened();
  assert.equal(life.nextMs, Infinity);
  assert.equal(life.checkEnd(5_000), undefined);
  assert(life.callsEnded(5_000));
  life.setNow(5_500);
  assert.equal(life.nextMs, 6_500);
  assert.equal(life.checkEnd(6_499), undefined);
  assert.equal(life.checkEnd(6_500), "drain");
  assert.equal(life.nextMs, Infinity);
  assert.equal(lifetime({}).callsEnded(0), false);
});

Deno.test("idleness counts from the first time known after the last call, however old the last input is", () => {
  const life = lifetime({ maxConnectionIdleMs: 1_000 });
  life.callOpened();
  life.callsEnded(100);
  assert.equal(life.nextMs, 1_100);
  // The handler ended at some time before 60,000.
  assert.equal(life.checkEnd(60_000), undefined);
  assert.equal(life.checkEnd(61_000), "drain");
});

Deno.test("an old connection is drained, and aborted after its grace", () => {
  const life = lifetime({ maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 });
  assert.equal(life.checkEnd(999), undefined);
  assert.equal(life.checkEnd(1_000), "drain");
  assert.equal(life.nextMs, 1_500);
  assert.equal(life.checkEnd(1_499), undefined);
  assert.equal(life.checkEnd(1_500), "abort");
});

Deno.test("a drained connection is closed after its linger, counted once", () => {
  const life = lifetime({ maxConnectionAgeMs: 1_000, maxConnectionAgeGraceMs: 500 });
  life.linger(100, 50);
  life.linger(140, 50);
  assert.equal(life.nextMs, 150);
  assert.equal(life.checkEnd(149), undefined);
  assert.equal(life.checkEnd(150), "close");
});

Deno.test("idleness and age are limits of servers", () => {
  assert.equal(
    lifetime({ maxConnectionIdleMs: 1, maxConnectionAgeMs: 1 }, "client").nextMs,
    Infinity,
  );
});
