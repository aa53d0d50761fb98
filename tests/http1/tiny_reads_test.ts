import assert from "node:assert/strict";
import { Client, type Handle } from "./harness.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";

/** Sends `octets` one by one, as long as the engine reads; returns how many it took. */
function drip(client: Client, octets: string): number {
  let sent = 0;
  while (sent < octets.length && client.engine.wantsRead) client.send(octets[sent++]);
  return sent;
}

const gathering: Handle = (exchange) => exchange.readBody("whole");
const streaming: Handle = (exchange) => exchange.readBody();

Deno.test("a header section that comes octet by octet is read ever later, at last once a second", () => {
  const client = new Client();
  let sent = drip(client, HEAD);
  assert.equal(sent, 5);
  for (const delayMs of [100, 200, 400, 800, 1_000, 1_000]) {
    assert.equal(client.engine.nextTimerMs(), client.nowMs + delayMs);
    client.nowMs += delayMs;
    client.engine.onTimer(client.nowMs);
    assert.equal(client.engine.wantsRead, true);
    assert.equal(drip(client, HEAD.slice(sent++)), 1, "the next tiny read is delayed again");
  }
});

Deno.test("a body that comes octet by octet is delayed when it is gathered", () => {
  const client = new Client(gathering).send(HEAD);
  assert.equal(drip(client, "x".repeat(1_000)), 4, "the header section was the first of 5");
});

Deno.test("parts of a body that a handler waits for are not delayed", () => {
  const client = new Client(streaming).send(HEAD);
  assert.equal(drip(client, "x".repeat(1_000)), 1_000);
});

Deno.test("a larger read and the end of a request start the count anew", () => {
  const client = new Client(gathering);
  for (let request = 0; request < 3; request++) {
    client.send(HEAD);
    for (let part = 0; part < 10; part++) {
      assert.equal(drip(client, "x".repeat(3)), 3);
      client.send("y".repeat(97));
    }
    client.seen[request].exchange.respond(200, [], "done");
  }
  assert.equal(client.statuses.length, 3);
  assert.equal(client.engine.wantsRead, true);
});

Deno.test("what ends late of a delayed request is served, and its timeouts hold", () => {
  const client = new Client(gathering, { headersTimeoutMs: 5_000 });
  drip(client, HEAD);
  while (!client.engine.finished) {
    client.nowMs = client.engine.nextTimerMs();
    client.engine.onTimer(client.nowMs);
    if (client.engine.wantsRead && !client.engine.finished) client.send("x");
  }
  assert.match(client.take(), /^HTTP\/1\.1 408 /);
  assert.equal(client.nowMs, 6_000);
});

Deno.test("no timer is left of a delay when the connection ends", () => {
  const ends: ((client: Client) => void)[] = [
    ({ engine, nowMs }) => engine.receiveEnd(nowMs),
    ({ engine, nowMs }) => engine.transportLost("lost", nowMs),
    ({ engine, nowMs }) => engine.abort("aborted", nowMs),
    (client) => client.send("\0"),
  ];
  for (const end of ends) {
    const client = new Client();
    drip(client, HEAD);
    end(client);
    if (client.engine.finished) client.take();
    client.engine.outputDrained(client.nowMs);
    client.engine.transportLost("closed", client.nowMs);
    assert.equal(client.engine.nextTimerMs(), Infinity);
  }
});
